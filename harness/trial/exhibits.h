#pragma once

// The exhibits of a trial: what its memory witnesses show, kept beside the evidence for the reports.

#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/trial/memory_witness.h"

namespace crashpath {

/// Writes exhibit-NAME.txt and exhibit-NAME.json of every witness that has something to show. What cannot be
/// shown says so there; an error is of the directory only.
Result<> write_exhibits(const std::vector<MemoryWitness>& witnesses, const std::filesystem::path& directory);

/// The names of a trial's exhibits, sorted.
std::vector<std::string> find_exhibits(const std::filesystem::path& directory);

}  // namespace crashpath
