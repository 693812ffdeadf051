#include <fmt/format.h>

#include <algorithm>

#include "harness/plan/kernel_config.h"
#include "harness/plan/plan.h"
#include "harness/trial/needs.h"
#include "harness/trial/triggers.h"

namespace crashpath {
namespace {

std::string lacking_on_machine(std::string_view name, const MachineConfig& machine) {
  const Architecture& architecture = *machine.architecture;
  const bool gicv3 = !machine.gic_version.empty() && machine.gic_version != "2";
  bool there = false;
  if (name == "nmi")
    there = architecture.has_nmi;
  else if (name == "uefi")
    there = architecture.has_firmware_option && machine.firmware;
  else if (name == "acpi")
    there = architecture.has_firmware_option && machine.firmware && machine.acpi;
  else if (name == "gicv3")
    there = gicv3;
  else if (name == "its")
    there = gicv3 && machine.its;
  else if (name == "xics")
    there = machine.ic_mode == "xics";
  else if (name == "xive")
    there = machine.ic_mode == "xive" || machine.ic_mode == "dual";
  return there ? "" : fmt::format("this {} machine has no {}", architecture.name, name);
}

std::string lacking_of(const Need& need, const GuestImage& image, const MachineConfig& machine,
                       std::string_view config) {
  switch (need.kind) {
    case Need::Kind::cpus:
      return machine.cpus >= need.least
                 ? ""
                 : fmt::format("needs {} CPUs, the machine has {}", need.least, machine.cpus);
    case Need::Kind::memory_mib:
      return machine.memory_mib >= need.least
                 ? ""
                 : fmt::format("needs {} MiB of memory, the machine has {}", need.least, machine.memory_mib);
    case Need::Kind::kernel_version: {
      const auto version = version_number(image.kernel_release);
      return version && *version >= need.least
                 ? ""
                 : fmt::format("needs Linux {} or later, this is {}", need.name, image.kernel_release);
    }
    case Need::Kind::kernel_config:
      if (config.empty())
        return fmt::format("needs {}, and the config of this kernel is not known", need.name);
      return kernel_has_option(config, need.name)
                 ? ""
                 : fmt::format("kernel {} is built without {}", image.kernel_release, need.name);
    case Need::Kind::probe:
      return std::find(image.probes.begin(), image.probes.end(), need.name) != image.probes.end()
                 ? ""
                 : fmt::format("the image of kernel {} has no probe {}", image.kernel_release, need.name);
    case Need::Kind::machine:
      return lacking_on_machine(need.name, machine);
  }
  return "";
}

}  // namespace

std::string_view impossible(const PlannedTrial& trial, const Capabilities& can) {
  const auto& steps = trial.scenario->steps;
  const bool writes = std::any_of(steps.begin(), steps.end(),
                                  [](const auto& step) { return step.run == "host.corrupt-crash-image"; });
  if (!can.traces && !trial.scenario->record.trace.empty()) return "cannot record trace events";
  if (!can.writes_memory && writes) return "cannot write to the guest's memory";
  if (!can.sees_memory && !trial.scenario->record.pages.empty()) return "cannot see the guest's memory";
  if (!can.tcg_threads && trial.machine.tcg_thread != "multi")
    return "emulates every CPU on a thread of its own";
  return "";
}

void assign_machine(std::vector<PlannedTrial>& trials, const MachineKind& machine_kind,
                    const Capabilities& capabilities) {
  for (auto& trial : trials) {
    trial.machine_kind = machine_kind;
    const std::string_view words = impossible(trial, capabilities);
    if (trial.skip_reason.empty() && !words.empty())
      trial.skip_reason = fmt::format("the machine {} {}", machine_kind.name(), words);
  }
}

std::string lacking(const Scenario& scenario, const GuestImage& image, const MachineConfig& machine,
                    std::string_view config) {
  std::vector<std::string> needs = scenario.needs;
  if (scenario.trigger)
    if (const auto kind = find_trigger(scenario.trigger->kind); kind && !kind->need.empty())
      needs.emplace_back(kind->need);
  for (const auto& text : needs) {
    const auto need = parse_need(text);
    std::string words = need ? lacking_of(*need, image, machine, config) : need.error().message();
    if (!words.empty()) return words;
  }
  return "";
}

}  // namespace crashpath
