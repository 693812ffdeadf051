#pragma once

// What the recorder takes out of a dump for people to read.

#include <filesystem>

#include "harness/base/result.h"

namespace crashpath {

/// Writes vmcoreinfo.txt and dmesg-from-vmcore.txt into a trial's directory, from its dump. What can be had
/// is written even when the rest cannot; the error is the first thing that failed. Checks do not depend on
/// these files.
Result<> extract_from_vmcore(const std::filesystem::path& trial_directory);

}  // namespace crashpath
