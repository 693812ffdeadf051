#pragma once

// Lists of CPUs as the kernel prints them.

#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace crashpath {

/// "0-3,8" as lists of CPUs are written (lib/vsprintf.c bitmap_list_string); an error for anything else and
/// for more than 8192 of them.
Result<std::vector<int>> parse_cpu_list(std::string_view text);

}  // namespace crashpath
