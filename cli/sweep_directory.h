#pragma once

// What a sweep's directory keeps so that a stopped sweep can go on:
//   sweep.json                         its guests and their points
//   scenarios/GUEST/NAME.toml          each point's scenario
//   discovery/GUEST/                   evidence of the trial that asked the guest for its points
//   earlier/                           trials that ended in an error, or did not end, and were done again
// Beside them stand the trials, the reports of a run, and sweep-summary.json and .txt.

#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/plan/sweep.h"
#include "harness/report/results.h"

namespace crashpath {

struct SweepGuest {
  std::string architecture;
  std::string kernel;   ///< the spec that it was asked for by
  std::string release;  ///< uname -r
  std::vector<SweepPoint> points;

  std::string name() const { return architecture + "-" + release; }  ///< part of paths
};

Result<> write_sweep(const std::filesystem::path& directory, const std::vector<SweepGuest>& guests);
/// A usage error when the directory holds no sweep, or one of another format.
Result<std::vector<SweepGuest>> read_sweep(const std::filesystem::path& directory);

/// What this trial came to, if it did: none after an error, or when it did not end; then its directory is
/// moved to earlier/.
Result<std::optional<TrialResult>> take_known(const std::filesystem::path& directory,
                                              const std::string& trial);

}  // namespace crashpath
