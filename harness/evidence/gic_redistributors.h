#pragma once

// The LPI tables as the redistributors of a GICv3 have them: out of the hypervisor's device state, and out of
// its trace of writes. Names are those of the Arm GIC architecture specification (IHI 0069).

#include <cstdint>
#include <string_view>
#include <vector>

#include "harness/evidence/device_state.h"

namespace crashpath {

/// Bytes of an LPI table of either kind where interrupt ids have 16 bits: LPI_PROPBASE_SZ and LPI_PENDBASE_SZ
/// of drivers/irqchip/irq-gic-v3-its.c, whose ITS_MAX_LPI_NRBITS is 16.
inline constexpr std::uint64_t kLpiTableSize = 64 << 10;

struct GicRedistributor {
  std::uint64_t ctlr = 0;       ///< GICR_CTLR
  std::uint64_t propbaser = 0;  ///< GICR_PROPBASER
  std::uint64_t pendbaser = 0;  ///< GICR_PENDBASER

  bool lpis_enabled() const { return (ctlr & 1) != 0; }  ///< GICR_CTLR.EnableLPIs
  std::uint64_t property_table() const;  ///< physical address, bits 51:12; 0 where no kernel gave one
  std::uint64_t pending_table() const;   ///< physical address, bits 51:16; 0 where no kernel gave one
};

/// Of device "arm_gicv3", in the order of the vCPUs (hw/intc/arm_gicv3_common.c vmstate_gicv3_cpu). A host
/// error where the machine has none.
Result<std::vector<GicRedistributor>> gic_redistributors(const DeviceState& state);

/// QEMU's number of the vCPU with this affinity, as MPIDR_EL1 has it: 16 vCPUs to a cluster (hw/arm/virt.c
/// virt_cpu_mp_affinity with a GICv3).
std::uint64_t vcpu_of_affinity(std::uint64_t affinity);

/// Offsets of registers in a redistributor's frame.
inline constexpr std::uint64_t kGicrCtlr = 0x0;
inline constexpr std::uint64_t kGicrPropbaser = 0x70;
inline constexpr std::uint64_t kGicrPendbaser = 0x78;

struct GicRedistributorWrite {
  std::uint64_t affinity = 0;  ///< of the redistributor
  std::uint64_t offset = 0;    ///< into its frame
  std::uint64_t data = 0;
  unsigned size = 0;  ///< in bytes
};
/// The writes in trace.log, in order: QEMU's trace event gicv3_redist_write (hw/intc/trace-events). Other
/// lines are left out.
std::vector<GicRedistributorWrite> parse_redistributor_writes(std::string_view trace_log);

}  // namespace crashpath
