#pragma once

// Whose a guest's memory is, and who besides the crashed kernel may write to it: the one place where this is
// known.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/evidence/evidence.h"
#include "harness/evidence/iomem.h"

namespace crashpath {

/// "System RAM" of a kernel's /proc/iomem.
Result<std::vector<Range>> system_ram(const Evidence& evidence, Kernel kernel);

/// The memory reserved for the crash kernel: "Crash kernel" of the first kernel's /proc/iomem, or, for
/// pseries kernels whose iomem does not show it (before 7.0), what arch/powerpc/kexec/ranges prints at boot.
/// Empty when there is none.
Result<std::vector<Range>> reservation(const Evidence& evidence);

/// Where Open Firmware put RTAS, as prom_init prints it (arch/powerpc/kernel/prom_init.c
/// prom_instantiate_rtas); none on machines without it.
Result<std::optional<std::uint64_t>> rtas_base(const Evidence& evidence);

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

/// Whose memory is, for a picture of it: `writers` of that moment; RTAS, which may lie in the reservation and
/// comes first; and what the first kernel's /proc/iomem has besides System RAM, which firmware kept. The rest
/// is the first kernel's.
Result<std::vector<MemoryOwner>> memory_residents(const Evidence& evidence, std::vector<MemoryOwner> writers);

}  // namespace crashpath
