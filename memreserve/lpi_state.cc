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

struct Vmemmap {
  std::uint64_t start = 0;       ///< virtual
  std::uint64_t entry_size = 0;  ///< of struct page
  std::uint64_t page_size = 0;
  /// Of memory. With 52-bit addresses on a CPU of 48 it is negative (arch/arm64/mm/init.c
  /// arm64_memblock_init), so that a sum with it wraps round to the address.
  std::uint64_t offset = 0;
};

Result<Vmemmap> read_vmemmap(const Vmcoreinfo& vmcoreinfo) {
  const auto number = [&vmcoreinfo](std::string_view key) -> Result<std::uint64_t> {
    const auto value = vmcoreinfo.number(key);
    if (!value) return Error(Fault::lacks, fmt::format("VMCOREINFO has no {}", key));
    return *value;
  };
  const Vmemmap map{.start = CP_TRY(number("NUMBER(VMEMMAP_START)")),
                    .entry_size = CP_TRY(number("SIZE(page)")),
                    .page_size = CP_TRY(number("PAGESIZE")),
                    .offset = CP_TRY(number("NUMBER(PHYS_OFFSET)"))};
  if (map.entry_size == 0 || map.page_size == 0)
    return Error::guest("VMCOREINFO has a size of 0 for pages, or for struct page");
  return map;
}

}  // namespace

Result<std::uint64_t> page_to_physical(std::uint64_t page, const Vmcoreinfo& vmcoreinfo) {
  const Vmemmap map = CP_TRY(read_vmemmap(vmcoreinfo));
  if (page < map.start || (page - map.start) % map.entry_size != 0)
    return Error::guest(fmt::format("{:#x} is no struct page: they begin at {:#x}", page, map.start));
  return (page - map.start) / map.entry_size * map.page_size + map.offset;
}

Result<std::uint64_t> physical_to_page(std::uint64_t address, const Vmcoreinfo& vmcoreinfo) {
  const Vmemmap map = CP_TRY(read_vmemmap(vmcoreinfo));
  return (address - map.offset) / map.page_size * map.entry_size + map.start;
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
