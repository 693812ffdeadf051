#pragma once

// arm64's kernel page tables: where vmalloc, modules and vmemmap lie (Arm ARM, "VMSAv8-64 translation table
// format descriptors"; 48-bit output addresses).

#include <cstdint>

#include "harness/base/result.h"
#include "harness/evidence/physical_memory.h"
#include "harness/evidence/vmcoreinfo.h"

namespace crashpath {

struct Arm64PageTables {
  std::uint64_t root = 0;          ///< physical address of the table that TTBR1_EL1 names
  std::uint64_t page_size = 0;     ///< 4, 16 or 64 KiB
  std::uint64_t address_bits = 0;  ///< 64 - TCR_EL1.T1SZ
};

/// swapper_pg_dir with what VMCOREINFO says of it; an error of fault `lacks` where it says nothing, as before
/// Linux 5.9 ("arm64/crash_core: Export TCR_EL1.T1SZ in vmcoreinfo").
Result<Arm64PageTables> kernel_page_tables(const Vmcoreinfo& vmcoreinfo);

/// The physical address that a kernel virtual address is mapped to. A guest error where it is not mapped, or
/// a descriptor is none.
Result<std::uint64_t> walk(const Arm64PageTables& tables, const PhysicalMemory& memory,
                           std::uint64_t address);

}  // namespace crashpath
