// crashpath run

#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/run_options.h"

namespace crashpath {

void add_run_command(CLI::App& app, int& status) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Crash kernels and verify what their second kernels did");
  add_run_options(*command, *options);
  command->callback([options, &status] {
    const auto result = run(*options);
    status = result ? *result : report_error(result.error());
  });
}

}  // namespace crashpath
