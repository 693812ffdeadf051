#pragma once

// The steps that a scenario may put in front of its trigger. A new step is a new record here, and a command
// of the agent (docs/agent-protocol.md) or, for "host.*", of the trial runner.

#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/trial/check.h"

namespace crashpath {

struct StepKind {
  std::string_view name;     ///< `run = "cpu.offline"`
  std::string_view summary;  ///< one line for lists
  std::vector<ParameterSpec> parameters;
};

const std::vector<StepKind>& step_kinds();

/// A usage error (without file and line) that names what is near.
Result<StepKind> find_step(std::string_view name);

}  // namespace crashpath
