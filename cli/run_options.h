#pragma once

// The options of a run, for whatever program carries one out.

#include <CLI/CLI.hpp>

#include "cli/run.h"

namespace crashpath {

void add_run_options(CLI::App& command, RunOptions& options);

}  // namespace crashpath
