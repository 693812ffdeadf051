#pragma once

// A verdict: the stage a trial reached, its check results, and the outcome that follows. A pure function of
// the evidence directory, so it can be made again at any time.

#include <boost/json.hpp>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "harness/evidence/stage.h"
#include "harness/trial/check.h"
#include "harness/trial/known_issues.h"
#include "harness/trial/scenario.h"

namespace crashpath {

struct NamedCheckResult {
  std::string name;
  CheckResult result;
};

struct Verdict {
  Outcome outcome = Outcome::error;
  Stage stage = Stage::image;       ///< where the trial ended
  std::string words;                ///< why, in one line; empty for a pass that reached the end
  std::map<Stage, double> entered;  ///< seconds since the trial began
  double seconds = 0;               ///< the whole trial
  std::vector<NamedCheckResult> checks;
  std::vector<std::string> vcpus;  ///< of a hang: one line for each vCPU, where it is and how it got there
  std::string known_issue;         ///< its reason, for xfail and xpass

  /// Seconds spent in each stage that was entered.
  std::map<Stage, double> durations() const;

  /// The members of a trial in results.json that are its verdict's: docs/results.md.
  boost::json::object to_json() const;
  static Result<Verdict> from_json(const boost::json::value& value);
};

/// Judges what a trial left behind. Always comes to a verdict: evidence that cannot be read is one, too.
Verdict judge(const Evidence& evidence, const Scenario& scenario, const CheckRegistry& registry,
              const KnownIssues& known_issues);

/// The same with the scenario that the trial was run with, out of its trial.json. A usage error when the
/// directory holds no trial.
Result<Verdict> judge_directory(const std::filesystem::path& directory, const CheckRegistry& registry,
                                const KnownIssues& known_issues);

}  // namespace crashpath
