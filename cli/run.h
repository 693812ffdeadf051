#pragma once

// A run: trials planned, carried out side by side, judged as they end, and reported.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/machine/backend.h"
#include "harness/trial/planned_trial.h"

namespace crashpath {

struct RunOptions {
  std::vector<std::string> architectures;
  std::string kernels;                 ///< as --kernel takes them; empty: the default
  std::vector<std::string> scenarios;  ///< globs; empty: the default ones
  std::vector<std::filesystem::path> scenario_directories;
  bool only_given_scenarios = false;  ///< leave the data directory's scenarios out
  std::filesystem::path plan;         ///< empty: none
  std::filesystem::path output;       ///< empty: runs/<UTC time>
  std::string mirror;
  std::vector<MachineKind> machines = {MachineKind()};  ///< every trial on each of these
  std::filesystem::path hosts;                          ///< a file of hosts instead of machines; empty: none
  int jobs = 0;                                         ///< 0: what this host's CPUs and memory allow
  int repeat = 1;
  bool cold = false;                  ///< every trial boots, none forks
  std::optional<std::uint64_t> seed;  ///< of every forked guest's randomness
};

/// The exit status of the run, or what kept it from beginning.
Result<int> run(const RunOptions& options);

/// Connects to the places of these machines, for as long as somebody has what comes back.
Result<std::vector<std::shared_ptr<void>>> open_machines(const std::vector<MachineKind>& machines);

class RunImages;
struct Context;
/// The run's trials, with images made as far as they can be: what is wrong with one stands in its trials.
Result<std::vector<PlannedTrial>> plan_run(const RunOptions& options, const Context& context,
                                           RunImages& images);

}  // namespace crashpath
