#include "cli/run_options.h"

namespace crashpath {
namespace {

void add_machine_option(CLI::App& command, std::vector<MachineKind>& machines) {
  command
      .add_option_function<std::vector<std::string>>(
          "--machine",
          [&machines](const std::vector<std::string>& texts) {
            machines.clear();
            for (const std::string& text : texts) {
              auto kind = MachineKind::parse(text);
              if (!kind) throw CLI::ValidationError("--machine", kind.error().to_string());
              for (const MachineKind& known : machines)
                if (known.name() == kind->name())
                  throw CLI::ValidationError("--machine", text + " is there twice");
              machines.push_back(std::move(*kind));
            }
          },
          "qemu (default), libvirt, or libvirt:URI (qemu:///system, qemu+ssh://HOST/system); comma lists")
      ->delimiter(',')
      ->type_name("KIND");
}

}  // namespace

void add_run_options(CLI::App& command, RunOptions& options) {
  command.add_option("--arch", options.architectures, "arm64, pseries (default: both)")->delimiter(',');
  command.add_option("--kernel", options.kernels,
                     "series (6.12), series and flavour (6.12-rt), package, or path; comma lists of these");
  command.add_option("--scenario", options.scenarios,
                     "name or glob; may be given again (default: the default ones)");
  command.add_option("--scenario-dir", options.scenario_directories, "also the scenarios of this directory");
  command.add_option("--plan", options.plan, "a plan file instead of --arch, --kernel, --scenario, --repeat");
  add_machine_option(command, options.machines);
  command.add_option("--hosts", options.hosts, "a file of libvirt hosts, over which the trials are spread")
      ->excludes("--machine");
  command.add_option("-j,--jobs", options.jobs, "trials side by side (default: what this host allows)")
      ->check(CLI::Range(1, 1024));
  command.add_option("--repeat", options.repeat, "how often each trial is done")
      ->check(CLI::Range(1, 100000));
  command.add_option("--output", options.output, "directory of the run (default: runs/<UTC time>)");
  command.add_option("--mirror", options.mirror, "Debian mirror (default: the one this machine uses)");
  command.add_flag("--cold", options.cold, "boot a guest for every trial; none forks from a template");
  command.add_option("--seed", options.seed, "the same randomness and clock in every forked guest");
}

}  // namespace crashpath
