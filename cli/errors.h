#pragma once

#include "harness/base/result.h"

namespace crashpath {

/// Prints an error for a person (with the way it came when CRASHPATH_VERBOSE is set) and gives its exit
/// status.
int report_error(const Error& error);

}  // namespace crashpath
