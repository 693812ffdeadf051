#include "harness/trial/excuse.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

namespace crashpath {
namespace {

bool is_about(const KnownIssue& issue, const TrialIdentity& identity) {
  return matches_glob(issue.scenario, identity.scenario) &&
         (issue.architecture.empty() || issue.architecture == identity.architecture) &&
         matches_glob(issue.kernel, identity.kernel_release);
}

/// Whether the trial failed in the way that the issue describes, and in no other.
bool describes_failure(const KnownIssue& issue, const Verdict& verdict) {
  if (issue.stage != verdict.stage) return false;
  std::vector<std::string_view> said = {verdict.words};
  for (const auto& check : verdict.checks) {
    if (check.result.outcome != Outcome::fail) continue;
    const auto matches = [&](const std::string& glob) { return matches_glob(glob, check.name); };
    if (!issue.checks.empty() && std::none_of(issue.checks.begin(), issue.checks.end(), matches))
      return false;
    said.push_back(check.result.got);
  }
  const std::regex words(issue.words, std::regex::ECMAScript);
  return std::any_of(said.begin(), said.end(), [&](std::string_view text) {
    return std::regex_search(text.begin(), text.end(), words);
  });
}

}  // namespace

void excuse(Verdict& verdict, const TrialIdentity& identity, const KnownIssues& known_issues) {
  const Outcome judged = verdict.outcome;
  if (judged != Outcome::fail && judged != Outcome::pass) return;
  for (const auto& issue : known_issues.issues) {
    if (!is_about(issue, identity)) continue;
    const bool expired = issue.expires < known_issues.today;
    if (judged == Outcome::pass) {
      if (issue.sometimes || expired) continue;
      verdict.outcome = Outcome::xpass;
    } else {
      if (!describes_failure(issue, verdict)) continue;
      if (expired) {
        verdict.words += fmt::format(" (a known issue that expired on {}: {})", issue.expires, issue.reason);
        continue;
      }
      verdict.outcome = Outcome::xfail;
    }
    verdict.known_issue = issue.reason;
    return;
  }
}

}  // namespace crashpath
