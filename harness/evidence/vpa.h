#pragma once

// Virtual processor areas of pseries guests: what each virtual CPU shares with the hypervisor, which keeps
// writing there for as long as an area is registered (PAPR, "Virtual Processor Area", H_REGISTER_VPA).

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "harness/base/result.h"
#include "harness/evidence/device_state.h"
#include "harness/evidence/iomem.h"

namespace crashpath {

/// What Linux allocates for each, and says in the size field, although PAPR has only 640 bytes (commit
/// 499dcd41378e "powerpc/64s: allocate lppacas individually": older hypervisors refused less). A multiple
/// of this is also where it allocates them, so that none crosses a 4 KiB boundary, which PAPR forbids.
inline constexpr std::uint64_t kVpaSize = 0x400;

/// What the hypervisor has registered for one virtual CPU, by guest physical addresses.
struct RegisteredAreas {
  std::optional<Range> vpa;         ///< kVpaSize; the hypervisor does not keep the size
  std::optional<Range> slb_shadow;  ///< the CPU's bolted SLB entries; hash MMU
  std::optional<Range> dtl;         ///< dispatch trace log
};

/// Of every virtual CPU of the machine, by its number (hw/ppc/spapr_cpu_core.c, spapr_cpu_state).
Result<std::map<std::uint64_t, RegisteredAreas>> registered_areas(const DeviceState& state);

/// What stands in a VPA: struct lppaca (arch/powerpc/include/asm/lppaca.h). All of it is big-endian. The
/// offsets are PAPR's, not the kernel's to choose, so no BTF is needed to read it.
struct Lppaca {
  static constexpr std::size_t kSize = 640;
  static constexpr std::size_t kYieldCount = 0x100;  ///< offset of yield_count

  std::uint32_t desc = 0;            ///< kDesc
  std::uint16_t size = 0;            ///< what the kernel told the hypervisor
  bool shared_processor = false;     ///< in __old_status: QEMU sets it when it accepts a VPA (spapr_hcall.c)
  std::uint8_t dtl_enable_mask = 0;  ///< which events the dispatch trace log takes; 0: off
  std::uint8_t fpregs_in_use = 0;
  std::uint16_t slb_count = 0;
  std::uint32_t yield_count = 0;  ///< dispatches and preemptions; odd: the virtual CPU does not run
  std::uint32_t page_ins = 0;
  std::uint64_t dtl_idx = 0;  ///< entries of the dispatch trace log so far

  static constexpr std::uint32_t kDesc = 0xd397d781;  ///< "LpPa" in EBCDIC
  /// Of at least kSize bytes; a guest error for fewer. Any bytes are taken: fault() judges them.
  static Result<Lppaca> parse(std::span<const std::byte> bytes);
  /// Why this is no lppaca that a kernel initialised (init_lppaca() of arch/powerpc/kernel/paca.c) and a
  /// hypervisor took; empty when it is one.
  std::string fault() const;
};

}  // namespace crashpath
