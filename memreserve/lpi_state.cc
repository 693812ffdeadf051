#include "memreserve/lpi_state.h"

#include <fmt/format.h>

#include "memreserve/model.h"

namespace crashpath {
namespace {

Result<std::uint64_t> cpu_flags(const KernelObject& rdist) {
  const auto flags = rdist.at("flags").number();
  if (flags || flags.error().fault() != Fault::lacks) return flags;
  const auto enabled = rdist.at("lpi_enabled").number();
  if (!enabled) return flags;
  return *enabled != 0 ? kRdLocalLpiEnabled : 0;
}

Result<std::uint64_t> pending_table(const KernelObject& rdist, const Vmcoreinfo& vmcoreinfo) {
  const std::uint64_t page = CP_TRY(rdist.at("pend_page").number());
  return page == 0 ? Result<std::uint64_t>(0) : page_to_physical(page, vmcoreinfo);
}

}  // namespace

Result<std::uint64_t> page_to_physical(std::uint64_t page, const Vmcoreinfo& vmcoreinfo) {
  const auto number = [&vmcoreinfo](std::string_view key) -> Result<std::uint64_t> {
    const auto value = vmcoreinfo.number(key);
    if (!value) return Error(Fault::lacks, fmt::format("VMCOREINFO has no {}", key));
    return *value;
  };
  const std::uint64_t start = CP_TRY(number("NUMBER(VMEMMAP_START)"));
  const std::uint64_t size = CP_TRY(number("SIZE(page)"));
  const std::uint64_t page_size = CP_TRY(number("PAGESIZE"));
  // With 52-bit addresses on a CPU of 48 PHYS_OFFSET is negative (arch/arm64/mm/init.c arm64_memblock_init),
  // so that the sum wraps round to the address.
  const std::uint64_t offset = CP_TRY(number("NUMBER(PHYS_OFFSET)"));
  if (size == 0 || page < start || (page - start) % size != 0)
    return Error::guest(fmt::format("{:#x} is no struct page: they begin at {:#x}", page, start));
  return (page - start) / size * page_size + offset;
}

Result<LpiState> read_lpi_state(const KernelState& kernel, const Vmcoreinfo& vmcoreinfo,
                                std::span<const int> cpus) {
  const KernelObject rdists = kernel.object("gic_rdists", "struct rdists *").follow();
  LpiState state{.flags = CP_TRY(rdists.at("flags").number()),
                 .property_table = CP_TRY(rdists.at("prop_table_pa").number()),
                 .cpus = {}};
  for (const int cpu : cpus) {
    const KernelObject rdist = rdists.at("rdist").follow_on_cpu(cpu);
    state.cpus.emplace(cpu, CpuLpiState{cpu_flags(rdist), pending_table(rdist, vmcoreinfo)});
  }
  return state;
}

}  // namespace crashpath
