// crashpath sweep: the options of a sweep.

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/sweep.h"

namespace crashpath {
namespace {

void add_point_options(CLI::App& command, SweepOptions& options, std::string& kind) {
  SweepRequest& request = options.request;
  command
      .add_option("--points", kind,
                  "cpuhp: every CPU hotplug state, both directions; functions: entries of kernel functions; "
                  "time: instants of a workload; triggers: every trigger on every CPU")
      ->check(CLI::IsMember({"cpuhp", "functions", "time", "triggers"}));
  command.add_option("--cpu", request.cpu, "CPU that goes offline and online (default: the last one)")
      ->check(CLI::Range(0, 4095));
  command.add_option("--workload", request.workload, "what the guest does: cpuhp, rtas or memory")
      ->check(CLI::IsMember({"cpuhp", "rtas", "memory"}));
  command.add_option("--function", request.functions,
                     "functions: name or glob; may be given again (default: all that the workload reaches)");
  command.add_option("--limit", request.limit, "functions: at most so many, spread evenly over all")
      ->check(CLI::Range(1, 1000000));
  command.add_option("--hit", request.hit, "functions: crash when it is called for the N-th time")
      ->check(CLI::Range(1, 1000000));
  command.add_option("--instants", request.instants, "time: how many")->check(CLI::Range(1, 100000));
  command.add_option("--window", request.window_ms, "time: milliseconds from the first instant to the last")
      ->check(CLI::Range(0, 600000));
  command.add_option("--trigger", request.trigger, "time: sysrq-c, or nmi where the machine has one")
      ->check(CLI::IsMember({"sysrq-c", "nmi"}));
  command.add_flag("--capture", request.capture, "the second kernel captures a dump, which is verified too");
}

void add_run_options(CLI::App& command, SweepOptions& options) {
  command.add_option("--arch", options.architectures, "arm64, pseries (default: both)")->delimiter(',');
  command.add_option("--kernel", options.kernels, "as of `crashpath run`");
  command.add_option("--scenario", options.base, "whose machine, kernel and steps every point has");
  command.add_option("--scenario-dir", options.scenario_directories, "also the scenarios of this directory");
  command.add_option("-j,--jobs", options.jobs, "trials side by side (default: what this host allows)")
      ->check(CLI::Range(1, 1024));
  command.add_option("--confirm", options.confirm, "try a point that failed so often again")
      ->check(CLI::Range(1, 1000));
  command.add_option("--seed", options.seed, "the same randomness and clock in every guest");
  command.add_option("--mirror", options.mirror, "Debian mirror (default: the one this machine uses)");
  command.add_option("--output", options.output, "directory of the sweep (default: runs/<UTC time>)");
}

/// Points, guests and place of a stopped sweep are what its directory says: an option that would change them
/// is refused, not ignored.
void add_continue_option(CLI::App& command, SweepOptions& options) {
  const auto others = command.get_options();
  CLI::Option* continued =
      command.add_option("--continue", options.continued, "directory of a sweep that was stopped");
  for (CLI::Option* other : others)
    if (!other->check_lname("help") && !other->check_lname("jobs") && !other->check_lname("confirm") &&
        !other->check_lname("seed") && !other->check_lname("mirror"))
      continued->excludes(other);
}

}  // namespace

void add_sweep_command(CLI::App& app, int& status) {
  auto options = std::make_shared<SweepOptions>();
  auto kind = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("sweep", "Crash a guest at many points, each in a fork of its own");
  add_point_options(*command, *options, *kind);
  add_run_options(*command, *options);
  add_continue_option(*command, *options);
  command->callback([options, kind, &status] {
    if (kind->empty() == options->continued.empty()) {
      status = report_error(
          Error::usage("a sweep needs --points, or --continue with a stopped sweep's directory"));
      return;
    }
    if (!kind->empty()) options->request.kind = *parse_sweep_kind(*kind);
    const auto result = sweep(*options);
    status = result ? *result : report_error(result.error());
  });
}

}  // namespace crashpath
