#pragma once

// What became of the memory of an LPI table: whether the kernel still holds it, and whether somebody wrote to
// it.

#include <cstdint>
#include <string>

#include "harness/base/result.h"
#include "harness/evidence/kernel_state.h"

namespace crashpath {

enum class LpiTable { property, pending };

struct TableMemory {
  LpiTable kind = LpiTable::pending;
  std::uint64_t address = 0;  ///< physical
  /// _refcount of the table's first struct page (mm_types.h): 0 when the page allocator may hand it out
  /// again.
  Result<std::uint64_t> references;
  /// What stands in it that neither driver nor GIC writes, in words; empty when there is nothing.
  Result<std::string> overwritten;
};

/// A property table has one byte for each LPI: the driver's one priority, group 1, and whether it is enabled
/// (irq-gic-v3-its.c gic_reset_prop_table(), lpi_write_config()). A pending table has one bit for each, from
/// LPI 8192 on, and zeros where there are no LPIs (its_allocate_pending_table(); GICv3 spec, "LPI Pending
/// tables").
TableMemory read_table_memory(const KernelState& kernel, LpiTable kind, std::uint64_t address);

}  // namespace crashpath
