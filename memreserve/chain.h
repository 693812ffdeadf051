#pragma once

// A chain of kernels: those that started one another by kexec since the guest was switched on, up to the
// crash kernel, and what each of them says of itself.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/evidence/evidence.h"
#include "harness/evidence/iomem.h"
#include "memreserve/console_witness.h"
#include "memreserve/model.h"

namespace crashpath {

/// What the agent reported of one kernel; unset where it did not.
struct AgentWitness {
  std::string release, version, cmdline;
  std::optional<std::vector<IomemEntry>> iomem;
  std::optional<std::vector<int>> possible, online;  ///< CPUs
  std::set<int> seen_online;                         ///< in any of its reports
  /// /sys/devices/system/cpu/hotplug/states has irqchip/arm/gicv3/memreserve:online.
  std::optional<bool> hotplug_state;
  /// /proc/kallsyms has its_cpu_memreserve_lpi(), the callback of that state.
  std::optional<bool> callback;
  std::optional<std::uint64_t> tainted;
};

struct ChainKernel {
  std::string name;               ///< "kernel 0", "kernel 1", ..., "crash kernel"
  Kernel record = Kernel::first;  ///< whose console and messages it is found in
  bool crash = false;
  ConsoleWitness console;
  AgentWitness agent;
};

/// In the order in which they ran; empty when nothing booted.
Result<std::vector<ChainKernel>> read_chain(const Evidence& evidence);

/// What trial.json says of the machine, which no guest has a hand in. Empty: there is nothing to reserve on
/// it, for the reason that is given.
struct TrialMachine {
  ModelMachine model;
  int cpus = 0;
  std::string nothing_to_reserve;  ///< empty where there is something
};
Result<TrialMachine> read_trial_machine(const Evidence& evidence);

/// Redistributors whose CPUs came up only when the trial was already in stage crash: whether their tables
/// were reserved before the crash is not known.
Result<std::set<std::uint64_t>> find_late(const Evidence& evidence, const std::vector<ChainKernel>& chain);

/// The chain as the model wants it: which CPUs came up, by arm64's own lines and the agent's lists. A CPU
/// that came up when the trial was already in stage crash counts as in flight; so does, at the report, one
/// that no report saw online. An error names what is missing.
Result<std::vector<ModelKernel>> to_model(const Evidence& evidence, const std::vector<ChainKernel>& chain,
                                          const TrialMachine& machine);

}  // namespace crashpath
