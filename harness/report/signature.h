#pragma once

#include <filesystem>
#include <string>

#include "harness/trial/verdict.h"

namespace crashpath {

/// What failures that have the same cause have in common: the stage, the first splat that is not the panic
/// that was asked for, where the console ends (a trace's innermost functions, or its last line), and what
/// checks failed. Numbers and addresses are left out. For a person and for grouping, not for parsing.
std::string failure_signature(const std::filesystem::path& directory, const Verdict& verdict);

}  // namespace crashpath
