#pragma once

// A sweep: many crash points of one scenario's guest, each in a trial of its own.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/plan/sweep.h"

namespace crashpath {

struct SweepOptions {
  SweepRequest request;
  std::vector<std::string> architectures;
  std::string kernels;               ///< as --kernel takes them; empty: the default
  std::string base = "panic.sysrq";  ///< scenario whose machine, kernel and steps all points have
  std::vector<std::filesystem::path> scenario_directories;
  int jobs = 0;     ///< 0: what this host's CPUs and memory allow
  int confirm = 0;  ///< how often a point that failed is tried again
  std::optional<std::uint64_t> seed;
  std::filesystem::path output;     ///< of a new sweep; empty: runs/<UTC time>
  std::filesystem::path continued;  ///< not empty: the sweep to go on with; of the rest only jobs, confirm,
                                    ///< mirror and seed count
  std::string mirror;
};

/// The exit status of the sweep, as of a run, or what kept it from beginning.
Result<int> sweep(const SweepOptions& options);

}  // namespace crashpath
