// crashpath check DIR: judges recorded evidence again.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/errors.h"
#include "harness/evidence/directory.h"
#include "harness/report/terminal.h"

namespace crashpath {
namespace {

/// A trial's directory itself, or those in a run's directory, by name.
Result<std::vector<std::filesystem::path>> find_trials(const std::filesystem::path& directory) {
  if (std::filesystem::exists(directory / evidence_file::kTrial)) return std::vector{directory};
  std::vector<std::filesystem::path> trials;
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(directory, code))
    if (std::filesystem::exists(entry.path() / evidence_file::kTrial)) trials.push_back(entry.path());
  if (code || trials.empty())
    return Error::usage(fmt::format("{} holds no evidence of a trial", directory.native()))
        .with_hint("name a run's directory, or a trial's directory with a trial.json");
  std::sort(trials.begin(), trials.end());
  return trials;
}

/// Prints verdicts and leaves the recorded ones as they are: they say what was known then.
Result<int> check(const std::filesystem::path& directory) {
  const Context context = CP_TRY(load_context());
  const Terminal terminal = detect_terminal(STDOUT_FILENO);
  Results results;
  for (const auto& trial : CP_TRY(find_trials(directory))) {
    results.trials.push_back(CP_TRY(
        read_trial_result(trial, CP_TRY(judge_directory(trial, context.checks, context.known_issues)))));
    fmt::print("{}", to_terminal(results.trials.back(), trial, terminal));
  }
  return exit_status(results);
}

}  // namespace

void add_check_command(CLI::App& app, int& status) {
  auto directory = std::make_shared<std::filesystem::path>();
  CLI::App* command =
      app.add_subcommand("check", "Judge recorded evidence again, with the checks of this version");
  command->add_option("DIR", *directory, "directory of a run or of one trial")->required();
  command->callback([directory, &status] {
    const auto result = check(*directory);
    status = result ? *result : report_error(result.error());
  });
}

}  // namespace crashpath
