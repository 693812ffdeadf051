#pragma once

// A ppc64 kernel's own page tables with the radix MMU (Power ISA 3.0B, Book III, 5.7.10;
// arch/powerpc/include/asm/book3s/64/radix.h): where vmalloc, which holds modules too, lies in physical
// memory.

#include <cstdint>

#include "harness/base/result.h"
#include "harness/evidence/physical_memory.h"

namespace crashpath {

/// `root`: physical address of swapper_pg_dir; `page_size`: 4 or 64 KiB, of the kernel. A guest error where
/// nothing is mapped.
Result<std::uint64_t> radix_to_physical(const PhysicalMemory& memory, std::uint64_t root,
                                        std::uint64_t page_size, std::uint64_t address);

}  // namespace crashpath
