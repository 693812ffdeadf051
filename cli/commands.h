#pragma once

// One function per subcommand: adds it to the program and, when it is chosen, sets the exit status.

#include <CLI/CLI.hpp>

namespace crashpath {

/// Exit statuses that every subcommand shares; `run` and `check` have more (exit_status() of harness/report).
enum ExitStatus : int { kSuccess = 0, kFailure = 1, kUsage = 2, kHostError = 3 };

void add_run_command(CLI::App& app, int& status);
void add_sweep_command(CLI::App& app, int& status);
void add_list_command(CLI::App& app, int& status);
void add_image_command(CLI::App& app, int& status);
void add_check_command(CLI::App& app, int& status);
void add_replay_command(CLI::App& app, int& status);
void add_report_command(CLI::App& app, int& status);
void add_shell_command(CLI::App& app, int& status);
void add_memreserve_command(CLI::App& app, int& status);
void add_inventory_command(CLI::App& app, int& status);
void add_doctor_command(CLI::App& app, int& status);

}  // namespace crashpath
