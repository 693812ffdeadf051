#include "memreserve/model.h"

#include <algorithm>

namespace crashpath {
namespace {

/// What lives on in the redistributors and in the list when one kernel starts the next.
struct Inheritance {
  std::map<std::uint64_t, std::size_t> enabled;  ///< redistributor -> kernel whose table it uses
  std::size_t least_entries = 0;
  std::size_t most_entries = 0;
};

/// its_cpu_init_lpis() and, later, its_cpu_memreserve_lpi().
CpuPrediction bring_up(const ModelMachine& machine, const ModelKernel& kernel, std::size_t number,
                       bool preallocated, const ModelCpu& cpu, Inheritance& inherited) {
  CpuPrediction prediction;
  if (kernel.callback) prediction.flags = {0};
  prediction.has_page = true;  // allocate_lpi_tables() gives every possible CPU one
  if (cpu.onlined == Onlined::never) return prediction;
  const bool in_flight = cpu.onlined == Onlined::in_flight;
  const bool enabled = inherited.enabled.contains(cpu.redistributor);
  const bool takes_over = preallocated && enabled;
  prediction.source = takes_over ? TableSource::reserved : TableSource::allocated;
  prediction.warns = enabled && !preallocated;  // redist_disable_lpis()
  if (!takes_over) inherited.enabled[cpu.redistributor] = number;
  prediction.owner = inherited.enabled[cpu.redistributor];

  const bool reserves = machine.efi && !takes_over;
  if (reserves) ++inherited.most_entries;
  if (reserves && !in_flight) ++inherited.least_entries;
  const bool runs_callback = kernel.callback && machine.efi;
  const bool frees = takes_over && (runs_callback || !kernel.callback);
  if (frees) prediction.has_page = in_flight ? std::nullopt : std::optional(false);
  if (!kernel.callback) return prediction;
  const std::uint64_t before = kRdLocalLpiEnabled | (takes_over ? kRdLocalPendtablePreallocated : 0);
  const std::uint64_t after = before | kRdLocalMemreserveDone;
  if (!machine.efi)
    prediction.flags = {before};
  else if (in_flight)
    prediction.flags = {0, kRdLocalLpiEnabled, before, after};
  else
    prediction.flags = {after};
  return prediction;
}

/// its_lpi_memreserve_init() registers it; the last CPU to come up lets it be removed.
std::optional<bool> hotplug_state(const ModelMachine& machine, const ModelKernel& kernel) {
  if (!kernel.callback || !machine.efi || !machine.its) return false;
  const auto onlined = [&kernel](Onlined how) {
    return std::count_if(kernel.cpus.begin(), kernel.cpus.end(),
                         [how](const ModelCpu& cpu) { return cpu.at_report == how; });
  };
  if (onlined(Onlined::yes) >= kernel.possible) return false;
  if (onlined(Onlined::yes) + onlined(Onlined::in_flight) >= kernel.possible) return std::nullopt;
  return true;
}

}  // namespace

std::vector<KernelPrediction> predict(const ModelMachine& machine, const std::vector<ModelKernel>& chain) {
  std::vector<KernelPrediction> predictions;
  Inheritance inherited;
  for (std::size_t number = 0; number < chain.size(); ++number) {
    const ModelKernel& kernel = chain[number];
    KernelPrediction& prediction = predictions.emplace_back();
    prediction.hotplug_state = hotplug_state(machine, kernel);
    if (machine.its && !kernel.cpus.empty()) {
      // allocate_lpi_tables(), enabled_lpis_allowed()
      prediction.preallocated =
          inherited.enabled.contains(kernel.cpus.front().redistributor) && (machine.efi || kernel.crash);
      if (machine.efi && !prediction.preallocated) {  // its_setup_lpi_prop_table()
        ++inherited.least_entries;
        ++inherited.most_entries;
      }
      for (const ModelCpu& cpu : kernel.cpus)
        prediction.cpus[cpu.cpu] = bring_up(machine, kernel, number, prediction.preallocated, cpu, inherited);
    } else {
      for (const ModelCpu& cpu : kernel.cpus)
        if (kernel.callback) prediction.cpus[cpu.cpu].flags = {0};
    }
    prediction.least_entries = inherited.least_entries;
    prediction.most_entries = inherited.most_entries;
  }
  return predictions;
}

}  // namespace crashpath
