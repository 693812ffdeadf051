#pragma once

#include <gmock/gmock.h>

#include <ostream>
#include <string>

#include "crashpaths/checks/checks.h"
#include "tests/corpus/trial_copy.h"

namespace crashpath {

inline std::ostream& operator<<(std::ostream& out, const CheckResult& result) {
  return out << to_string(result.outcome) << "\n  expected: " << result.expected << "\n  got: " << result.got
             << "\n  evidence: " << result.evidence;
}

/// Runs a check as a verdict does: an error of the check is a failure whose `got` is the error's message.
/// `fill` registers the checks of its room.
inline CheckResult run_check(const TrialCopy& trial, std::string_view name,
                             const CheckParameters& parameters = {},
                             void (*fill)(CheckRegistry&) = register_crashpath_checks) {
  CheckRegistry registry;
  fill(registry);
  const Evidence evidence(trial.directory());
  auto result = registry.find(name)->run(evidence, parameters);
  if (!result) return CheckResult::fail("", result.error().message(), "");
  return *result;
}

MATCHER(Passes, "") {
  return arg.outcome == Outcome::pass && !arg.expected.empty() && !arg.got.empty();
}
MATCHER_P(FailsWith, words, "") {
  return arg.outcome == Outcome::fail && arg.got.find(words) != std::string::npos;
}

}  // namespace crashpath
