#pragma once

// What the harness asks of a guest in one trial, in order. The trial runner sends it command by command;
// replay.sh puts the same list into the guest.

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "harness/evidence/evidence.h"
#include "harness/trial/planned_trial.h"

namespace crashpath {

struct ScriptStep {
  Stage stage = Stage::arm;       ///< the stage that this step belongs to
  Kernel kernel = Kernel::first;  ///< which kernel carries it out
  std::string run;                ///< a command of docs/agent-protocol.md, or "host.*" for the harness itself
  boost::json::object arguments;
  bool starts_kernel = false;  ///< a plain kexec: afterwards another first kernel says hello
};

/// Files that checks want of each kernel.
boost::json::object report_arguments();

Result<std::vector<ScriptStep>> make_script(const PlannedTrial& trial);

/// The first steps, which a template has done for all trials that begin with the same ones: loading the crash
/// kernel, and asking for the first kernel's symbols. Empty where the script does not begin so.
std::vector<ScriptStep> shared_steps(const std::vector<ScriptStep>& script);

/// The script as the agent reads it without a host: one JSON object a line, host steps left out.
std::string to_agent_script(const std::vector<ScriptStep>& script);

/// The crash kernel's command line.
std::string capture_command_line(const PlannedTrial& trial);

}  // namespace crashpath
