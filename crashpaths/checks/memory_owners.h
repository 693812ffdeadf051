#pragma once

// Who besides the crashed kernel may write to its memory: the one place where this is known.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "harness/evidence/evidence.h"
#include "harness/evidence/iomem.h"

namespace crashpath {

/// A pseries crash kernel has its exception vectors in the first 64 KiB. Purgatory copies what the first
/// kernel had there into the reservation, and /proc/vmcore reads that copy (kexec-tools, BACKUP_SRC_END).
inline constexpr std::uint64_t kBackupSize = 64 << 10;

/// Is there a VPA in these bytes, which begin at a multiple of 1 KiB? The hypervisor counts in it whenever
/// the virtual CPU runs or stops (struct lppaca, arch/powerpc/include/asm/lppaca.h: "VPA " in EBCDIC, its
/// size, both big-endian; 1 KiB aligned).
bool holds_vpa(std::span<const std::byte> bytes);

/// The tables that the first kernel gave to its GICv3, by its console: the interrupt controller writes to
/// them, and the second kernel resets the property table (drivers/irqchip/irq-gic-v3-its.c).
Result<std::vector<Range>> lpi_tables(const Evidence& evidence);

struct MemoryOwner {
  std::string name;           ///< "VPAs: the hypervisor's"
  std::vector<Range> ranges;  ///< physical addresses, in whole pages of 4 KiB, normalized
};

/// Those who may write after the crash, by the first kernel's evidence and by what the hypervisor itself held
/// at this moment. Where two own a page the first one of the list does.
Result<std::vector<MemoryOwner>> memory_owners(const Evidence& evidence, Moment moment);

}  // namespace crashpath
