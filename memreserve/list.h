#pragma once

// The EFI memreserve list: memory that has to stay reserved in every kernel that a kexec starts, handed on
// from kernel to kernel. The EFI stub makes its root and installs it as an EFI configuration table
// (drivers/firmware/efi/libstub/efi-stub.c install_memreserve_table; GUID LINUX_EFI_MEMRESERVE_TABLE_GUID),
// kernels put pages with entries behind it (drivers/firmware/efi/efi.c efi_mem_reserve_persistent), and the
// next kernel reserves them before it gives out any memory (efi_config_parse_tables).

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/evidence/iomem.h"
#include "harness/evidence/physical_memory.h"

namespace crashpath {

/// struct linux_efi_memreserve (include/linux/efi.h), little-endian: the root, or a page of entries.
struct MemreserveNode {
  std::uint64_t address = 0;
  std::uint32_t size = 0;   ///< entries that it has room for; 0 in the root
  std::uint32_t count = 0;  ///< entries that it has
  std::uint64_t next = 0;   ///< physical address; 0 ends the list
};

struct MemreserveEntry {
  Range range;
  std::uint64_t node = 0;  ///< address of the node that it stands in
  std::uint32_t index = 0;
};

struct MemreserveList {
  std::vector<MemreserveNode> nodes;  ///< the root first, then in the order of the list
  std::vector<MemreserveEntry> entries;
  std::vector<std::string> problems;  ///< what is wrong with it, one line each; none: it is well-formed
};

/// Walks the list. What is damaged is a problem of the list, and the walk goes on as far as it can; it ends
/// in any case. An error only when the root itself cannot be read.
Result<MemreserveList> read_memreserve_list(std::uint64_t root, const PhysicalMemory& memory);

/// Entries and nodes that are not in memory, as problems. `ram`: any order.
std::vector<std::string> find_outside_ram(const MemreserveList& list, const std::vector<Range>& ram);

/// The entries that reserve exactly this range.
std::size_t count_of(const MemreserveList& list, const Range& range);

/// What of guest memory has to be kept for the list to be walked later: root and pages.
std::vector<Range> memory_of(const MemreserveList& list);

}  // namespace crashpath
