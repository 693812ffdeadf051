// crashpath replay DIR: runs a recorded trial again.

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/run.h"
#include "harness/base/file.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/evidence.h"

namespace crashpath {
namespace {

struct ReplayOptions {
  std::filesystem::path directory;
  std::filesystem::path output;
  int repeat = 1;
  std::string machine;  ///< empty: as it was
};

Result<std::string> text_of(const boost::json::value& trial, std::string_view pointer) {
  boost::system::error_code code;
  const boost::json::value* value = trial.find_pointer(pointer, code);
  if (value == nullptr || !value->is_string())
    return Error::usage(fmt::format("{} lacks {}", evidence_file::kTrial, pointer));
  return std::string(value->as_string());
}

/// The scenario as it was then, whatever has become of its file: its text is in the evidence. The kernel by
/// its package, so that a newer one does not take its place while the archive still has it.
Result<int> replay(const ReplayOptions& options) {
  const Evidence evidence(options.directory);
  const boost::json::value trial = *CP_TRY(evidence.trial());
  const std::string package = CP_TRY(text_of(trial, "/kernel/package"));
  const auto scenarios = options.directory / "replay-scenario";
  CP_TRY(make_directories(scenarios));
  CP_TRY(write_file(scenarios / "scenario.toml", CP_TRY(text_of(trial, "/scenario_text"))));
  RunOptions run_options;
  run_options.architectures = {CP_TRY(text_of(trial, "/arch"))};
  run_options.kernels = package.empty() ? CP_TRY(text_of(trial, "/kernel/spec")) : package;
  run_options.scenarios = {CP_TRY(text_of(trial, "/scenario"))};
  run_options.scenario_directories = {scenarios};
  run_options.only_given_scenarios = true;
  run_options.machines = {CP_TRY(MachineKind::parse(
      options.machine.empty() ? CP_TRY(text_of(trial, "/machine/backend")) : options.machine))};
  run_options.output = options.output;
  run_options.repeat = options.repeat;
  return run(run_options);
}

}  // namespace

void add_replay_command(CLI::App& app, int& status) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* command = app.add_subcommand("replay", "Run a recorded trial again, as it was");
  command->add_option("DIR", options->directory, "directory of a trial")->required();
  command->add_option("--machine", options->machine, "as `crashpath run` takes it (default: as recorded)");
  command->add_option("--output", options->output, "directory of the new run (default: runs/<UTC time>)");
  command->add_option("--repeat", options->repeat, "how often")->check(CLI::Range(1, 100000));
  command->callback([options, &status] {
    const auto result = replay(*options);
    status = result ? *result : report_error(result.error());
  });
}

}  // namespace crashpath
