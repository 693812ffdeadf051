// crashpath shell: a guest with its console on this terminal.

#include <fmt/format.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/errors.h"
#include "cli/prepare_image.h"
#include "harness/agent/protocol.h"
#include "harness/base/paths.h"
#include "harness/machine/qemu/command_line.h"
#include "harness/machine/qemu/launch.h"
#include "harness/plan/plan.h"

namespace crashpath {
namespace {

struct ShellOptions {
  std::string architecture = "arm64";
  std::string kernel;
  std::string append;
};

Result<> shell(const ShellOptions& options) {
  const auto chosen = CP_TRY(choose_architectures({options.architecture}));
  const Catalog catalog = CP_TRY(load_catalog());
  const auto specs =
      CP_TRY(parse_kernel_specs(options.kernel.empty() ? default_kernel(catalog) : options.kernel));
  if (specs.size() != 1) return Error::usage("a shell runs in one kernel: name one with --kernel");
  const ArchiveOptions archive = archive_options();
  const GuestImage image = CP_TRY(prepare_image(specs.front(), *chosen.front(), true, archive));

  // The machine is the one that a scenario without wishes gets.
  Scenario plain;
  plain.kernel.append = options.append;
  MachineConfig config = make_machine_config(plain, image, ScenarioMachine(), "");
  config.append += fmt::format(" {}", agent_protocol::shell_argument);
  QemuEndpoints endpoints = CP_TRY(replay_endpoints(config));
  endpoints.capture_disk.clear();
  const auto argv = qemu_command_line(config, endpoints);
  fmt::print(stderr, "{} {}: `exit` or Ctrl-A x ends it\n", options.architecture, image.kernel_release);
  std::fflush(nullptr);

  std::vector<char*> words;
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  // Nothing is left to do behind the shell, so that QEMU may take our place and have the terminal to itself.
  execvp(words.front(), words.data());
  return Error::from_errno(fmt::format("cannot run {}", argv.front()));
}

}  // namespace

void add_shell_command(CLI::App& app, int& status) {
  auto options = std::make_shared<ShellOptions>();
  CLI::App* command = app.add_subcommand("shell", "A shell in a guest, with its console on this terminal");
  command->add_option("--arch", options->architecture, "arm64 (default) or pseries");
  command->add_option("--kernel", options->kernel, "one kernel, as `crashpath run --kernel` takes it");
  command->add_option("--append", options->append, "behind the kernel's command line");
  command->callback([options, &status] {
    if (const auto result = shell(*options); !result) status = report_error(result.error());
  });
}

}  // namespace crashpath
