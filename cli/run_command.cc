// crashpath run: the options of a run.

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/run.h"

namespace crashpath {

void add_run_command(CLI::App& app, int& status) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Crash kernels and verify what their second kernels did");
  command->add_option("--arch", options->architectures, "arm64, pseries (default: both)")->delimiter(',');
  command->add_option("--kernel", options->kernels,
                      "series (6.12), series and flavour (6.12-rt), package, or path; comma lists of these");
  command->add_option("--scenario", options->scenarios,
                      "name or glob; may be given again (default: the default ones)");
  command->add_option("--scenario-dir", options->scenario_directories,
                      "also the scenarios of this directory");
  command->add_option("--plan", options->plan,
                      "a plan file instead of --arch, --kernel, --scenario, --repeat");
  command->add_option("-j,--jobs", options->jobs, "trials side by side (default: what this host allows)")
      ->check(CLI::Range(1, 1024));
  command->add_option("--repeat", options->repeat, "how often each trial is done")
      ->check(CLI::Range(1, 100000));
  command->add_option("--output", options->output, "directory of the run (default: runs/<UTC time>)");
  command->add_option("--mirror", options->mirror, "Debian mirror (default: the one this machine uses)");
  command->add_flag("--cold", options->cold, "boot a guest for every trial; none forks from a template");
  command->add_option("--seed", options->seed, "the same randomness and clock in every forked guest");
  command->callback([options, &status] {
    const auto result = run(*options);
    status = result ? *result : report_error(result.error());
  });
}

}  // namespace crashpath
