// The program: its subcommands and their exit status.

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "cli/commands.h"

namespace {

constexpr const char* kFirstSteps = R"(
First steps:
  crashpath run                        crash one arm64 and one pseries kernel, and verify both dumps
  crashpath run --scenario 'panic.*'   every way to panic
  crashpath list scenarios             what a guest can be put through
  crashpath doctor                     what is wrong with this machine, if something is
)";

int run_program(int argc, char** argv) {
  CLI::App app{"crashpath boots real kernels, crashes them, and proves what the second kernel did.",
               "crashpath"};
  app.set_version_flag("--version", "crashpath " CRASHPATH_VERSION);
  app.footer(kFirstSteps);
  app.require_subcommand(0, 1);
  int status = crashpath::kSuccess;
  crashpath::add_run_command(app, status);
  crashpath::add_sweep_command(app, status);
  crashpath::add_list_command(app, status);
  crashpath::add_image_command(app, status);
  crashpath::add_check_command(app, status);
  crashpath::add_replay_command(app, status);
  crashpath::add_report_command(app, status);
  crashpath::add_shell_command(app, status);
  crashpath::add_memreserve_command(app, status);
  crashpath::add_inventory_command(app, status);
  crashpath::add_doctor_command(app, status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? crashpath::kSuccess : crashpath::kUsage;
  }
  if (app.get_subcommands().empty()) fmt::print("{}", app.help());
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  // Past a limit of file sizes (ulimit -f) a write fails, as on a full disk, instead of ending the process.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return run_program(argc, argv);
  } catch (const std::exception& bug) {
    fmt::print(stderr, "crashpath: a bug in crashpath itself: {}\n", bug.what());
    return crashpath::kHostError;
  }
}
