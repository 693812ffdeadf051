#pragma once

// What drivers/irqchip/irq-gic-v3-its.c makes of the LPI tables, kernel after kernel, as a model: from what a
// guest was put through to what every witness has to say. docs/memreserve.md has the rules in words. Nothing
// in here looks at evidence.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace crashpath {

// struct rdists, per CPU: flags (include/linux/irqchip/arm-gic-v3.h, irq-gic-v3-its.c).
inline constexpr std::uint64_t kRdLocalLpiEnabled = 1 << 0;
inline constexpr std::uint64_t kRdLocalPendtablePreallocated = 1 << 1;
inline constexpr std::uint64_t kRdLocalMemreserveDone = 1 << 2;
// struct rdists: flags.
inline constexpr std::uint64_t kRdistsPropbaseNeedsFlushing = 1 << 0;
inline constexpr std::uint64_t kRdistsTablesPreallocated = 1 << 1;

struct ModelMachine {
  bool its = true;  ///< a GICv3 with an ITS: without one no kernel touches the LPI tables
  bool efi = true;  ///< booted through UEFI: only then is there a list to reserve in
};

enum class Onlined {
  never,
  in_flight,  ///< the crash came while it was brought up: its callback may have run, or not, or half
  yes,
};

struct ModelCpu {
  int cpu = 0;                         ///< this kernel's number of it
  std::uint64_t redistributor = 0;     ///< the same in all kernels
  Onlined onlined = Onlined::never;    ///< until its kernel ended
  Onlined at_report = Onlined::never;  ///< until that kernel was asked for its hotplug states
};

struct ModelKernel {
  bool crash = false;  ///< started by a crash: is_kdump_kernel()
  /// Reserves in the CPU hotplug callback irqchip/arm/gicv3/memreserve:online ("irqchip/gic-v3-its: Postpone
  /// LPI pending table freeing and memreserve"), and not in the starting callback.
  bool callback = true;
  int possible = 1;                 ///< CPUs that it could bring up
  std::vector<ModelCpu> cpus = {};  ///< the boot CPU first; at most `possible`
};

/// How a CPU came to its pending table, as it says on the console.
enum class TableSource { none, allocated, reserved };

struct CpuPrediction {
  TableSource source = TableSource::none;
  /// The kernel of the chain that allocated the table that the redistributor uses.
  std::optional<std::size_t> owner = {};
  /// Any of these is right: per-CPU flags. Empty where this kernel has none (before the callback came).
  std::vector<std::uint64_t> flags = {};
  /// Whether rdist->pend_page still points to a table of this kernel's own; unset: either is right.
  std::optional<bool> has_page = {};
  /// "Booted with LPIs enabled, memory probably corrupted".
  bool warns = false;
};

struct KernelPrediction {
  bool preallocated = false;  ///< "Using preallocated redistributor tables"; takes over the property table
  std::map<int, CpuPrediction> cpus;
  /// The callback is still registered when the kernel is asked: it goes when every possible CPU was up once.
  /// Unset: either is right.
  std::optional<bool> hotplug_state = {};
  /// Entries of the list that the GIC's tables have when this kernel ends, from all kernels until then.
  std::size_t least_entries = 0;
  std::size_t most_entries = 0;
};

/// One prediction a kernel, in the order of the chain.
std::vector<KernelPrediction> predict(const ModelMachine& machine, const std::vector<ModelKernel>& chain);

}  // namespace crashpath
