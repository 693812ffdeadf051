#pragma once

// What every subcommand knows: checks, scenarios and known issues. The only place where all rooms meet.

#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/trial/check.h"
#include "harness/trial/known_issues.h"
#include "harness/trial/scenario.h"

namespace crashpath {

struct Context {
  CheckRegistry checks;
  KnownIssues known_issues;
  std::vector<Scenario> scenarios;  ///< by name
};

/// Checks and known issues: enough to judge evidence.
Result<Context> load_context();
/// And the scenarios of `directories`, with those of the data directory unless `with_own` is false.
Result<Context> load_context_with_scenarios(const std::vector<std::filesystem::path>& directories,
                                            bool with_own = true);

/// Architectures by the names of --arch; all when there are none. A usage error for an unknown one.
Result<std::vector<const Architecture*>> choose_architectures(const std::vector<std::string>& names);

/// Scenarios that match one of the globs; the default ones when there are none. A glob without a match is not
/// an error: it may be meant for another architecture.
std::vector<const Scenario*> choose_scenarios(const std::vector<Scenario>& scenarios,
                                              const std::vector<std::string>& globs);

}  // namespace crashpath
