#pragma once

// The GICv3 driver's own account of the LPI tables: struct rdists and its per-CPU part, by name, out of the
// kernel's memory (include/linux/irqchip/arm-gic-v3.h).

#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "harness/base/result.h"
#include "harness/evidence/kernel_state.h"

namespace crashpath {

/// Each is an error where this kernel does not have it, or this evidence does not show it.
struct CpuLpiState {
  /// rdist->flags; in kernels before "irqchip/gic-v3-its: Give the percpu rdist struct its own flags field"
  /// (5.17) RD_LOCAL_LPI_ENABLED alone, from rdist->lpi_enabled.
  Result<std::uint64_t> flags;
  Result<std::uint64_t> pending_table;  ///< physical address of rdist->pend_page, 0 for NULL
};

struct LpiState {
  std::uint64_t flags = 0;           ///< gic_rdists->flags
  std::uint64_t property_table = 0;  ///< gic_rdists->prop_table_pa
  std::map<int, CpuLpiState> cpus;
};

/// An error where gic_rdists itself cannot be read; of fault `lacks` where this kernel has no such symbol or
/// no types.
Result<LpiState> read_lpi_state(const KernelState& kernel, const Vmcoreinfo& vmcoreinfo,
                                std::span<const int> cpus);

/// The physical address of a struct page: arm64's vmemmap (arch/arm64/include/asm/memory.h page_to_phys, by
/// VMEMMAP_START, PHYS_OFFSET and the sizes in VMCOREINFO).
Result<std::uint64_t> page_to_physical(std::uint64_t page, const Vmcoreinfo& vmcoreinfo);
/// And the other way round.
Result<std::uint64_t> physical_to_page(std::uint64_t address, const Vmcoreinfo& vmcoreinfo);

}  // namespace crashpath
