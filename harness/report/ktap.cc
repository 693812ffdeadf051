// KTAP version 1: Documentation/dev-tools/ktap.rst of the kernel. A trial is a test, its checks are its
// subtests.

#include <fmt/format.h>

#include "harness/base/text.h"
#include "harness/report/formats.h"

namespace crashpath {
namespace {

std::string result_line(Outcome outcome, std::size_t number, std::string_view name, std::string_view words) {
  const auto& format = format_of(outcome);
  std::string line = fmt::format("{} {} {}", format.ktap_ok ? "ok" : "not ok", number, name);
  if (!format.ktap_directive.empty())
    line += fmt::format(" # {} {}", format.ktap_directive, printable(words));
  while (line.ends_with(' ')) line.pop_back();
  return line + "\n";
}

std::string subtests(const TrialResult& trial) {
  const auto& checks = trial.verdict.checks;
  std::string text = fmt::format("  KTAP version 1\n  # Subtest: {}\n  1..{}\n", trial.id, checks.size());
  for (std::size_t i = 0; i < checks.size(); ++i) {
    const auto& [name, result] = checks[i];
    if (result.outcome == Outcome::fail)
      text +=
          fmt::format("  # expected: {}\n  # got: {}\n", printable(result.expected), printable(result.got));
    text += "  " + result_line(result.outcome, i + 1, name, result.got);
  }
  return text;
}

}  // namespace

std::string to_ktap(const Results& results) {
  std::string text = fmt::format("KTAP version 1\n1..{}\n", results.trials.size());
  for (std::size_t i = 0; i < results.trials.size(); ++i) {
    const auto& trial = results.trials[i];
    const auto& verdict = trial.verdict;
    if (!verdict.checks.empty()) text += subtests(trial);
    text += fmt::format("# {}: kernel {}, stage {}, {:.1f} s\n", trial.id, printable(trial.kernel_release),
                        to_string(verdict.stage), verdict.seconds);
    if (!verdict.words.empty()) text += fmt::format("# {}: {}\n", trial.id, printable(verdict.words));
    text += result_line(verdict.outcome, i + 1, trial.id,
                        verdict.known_issue.empty() ? verdict.words : verdict.known_issue);
  }
  return text;
}

}  // namespace crashpath
