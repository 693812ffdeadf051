#pragma once

// A verdict: the stage a trial reached, its check results, and the outcome that follows. A pure function of the
// evidence directory, so it can be made again at any time.

#include <boost/json.hpp>
#include <map>
#include <string>
#include <vector>

#include "harness/trial/check.h"
#include "harness/evidence/stage.h"

namespace crashpath {

struct NamedCheckResult {
  std::string name;
  CheckResult result;
};

struct Verdict {
  Outcome outcome = Outcome::error;
  Stage stage = Stage::image;              ///< where the trial ended
  std::string words;                       ///< why, in one line; empty for a pass
  std::map<Stage, double> entered;         ///< seconds since the trial began
  double seconds = 0;                      ///< the whole trial
  std::vector<NamedCheckResult> checks;
  std::string known_issue;                 ///< its reason, for xfail and xpass

  boost::json::object to_json() const;
  static Result<Verdict> from_json(const boost::json::value& value);
};

}  // namespace crashpath
