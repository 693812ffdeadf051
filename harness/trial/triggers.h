#pragma once

// The ways in which a scenario ends the first kernel. A new trigger is a new record here; most are a context
// of the probe module crash_context, which the agent loads on the chosen CPU.

#include <boost/json.hpp>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/trial/check.h"
#include "harness/trial/scenario.h"

namespace crashpath {

/// A file of /proc/sys and what is written to it.
struct Setting {
  std::string_view path;
  std::string_view text;
};

struct TriggerKind {
  std::string_view name;     ///< `kind = "sysrq-c"`
  std::string_view summary;  ///< one line for lists
  /// The kind as the agent knows it: "sysrq-c", "wait"; empty: a module does it (below), or a kexec.
  std::string_view agent_kind;
  std::string_view module;  ///< probe module that the agent loads, and its parameters
  std::string_view module_parameters;
  bool nmi = false;          ///< the host injects an NMI once the agent waits
  bool plain_kexec = false;  ///< no crash: kexec -l, kexec -e
  bool runs_workload =
      false;              ///< the parameters `workload`, `times` and cpu say what reaches the crash point
  bool takes_cpu = true;  ///< `cpu = N` says where it happens
  std::string_view need;  ///< what it implies, as in `needs`; or empty
  /// What the first kernel is told for it, at run time and not on its command line: guests of many triggers
  /// are the same guest until then.
  std::vector<Setting> settings = {};
  std::vector<ParameterSpec> parameters = {};  ///< in [trigger], besides kind and cpu

  /// Members of the agent's `trigger` command (docs/agent-protocol.md).
  boost::json::object agent_arguments(const ScenarioTrigger& trigger) const;
};

const std::vector<TriggerKind>& trigger_kinds();

/// A usage error (without file and line) that names what is near.
Result<TriggerKind> find_trigger(std::string_view name);

}  // namespace crashpath
