#include "harness/evidence/memory_owners.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <regex>

#include "harness/evidence/console_search.h"
#include "harness/evidence/device_state.h"
#include "harness/evidence/gic_redistributors.h"
#include "harness/evidence/page_hashes.h"
#include "harness/evidence/ranges.h"
#include "harness/evidence/vpa.h"

namespace crashpath {
namespace {

Result<std::vector<Range>> vpas_of_hypervisor(const DeviceState& state) {
  std::vector<Range> vpas;
  for (const auto& [cpu, areas] : CP_TRY(registered_areas(state)))
    if (areas.vpa) vpas.push_back(*areas.vpa);
  return vpas;
}

Result<std::vector<MemoryOwner>> arm64_owners(const Evidence& evidence, const DeviceState& state) {
  std::vector<Range> tables = CP_TRY(lpi_tables(evidence));
  if (!tables.empty())  // or the machine may have another GIC
    for (const GicRedistributor& each : CP_TRY(gic_redistributors(state)))
      for (const std::uint64_t address : {each.property_table(), each.pending_table()})
        if (address != 0) tables.push_back({address, address + kLpiTableSize});
  return std::vector<MemoryOwner>{{"LPI tables: the GIC's and the second kernel's", std::move(tables)}};
}

Result<std::vector<MemoryOwner>> pseries_owners(const DeviceState& state) {
  return std::vector<MemoryOwner>{{"first 64 KiB: the second kernel's exception vectors", {{0, kBackupSize}}},
                                  {"VPAs: the hypervisor's", CP_TRY(vpas_of_hypervisor(state))}};
}

}  // namespace

Result<std::vector<Range>> system_ram(const Evidence& evidence, Kernel kernel) {
  return ranges_named(CP_TRY(parse_iomem(CP_TRY(evidence.guest_file(kernel, "/proc/iomem")))), "System RAM");
}

Result<std::vector<Range>> reservation(const Evidence& evidence) {
  const auto iomem = CP_TRY(parse_iomem(CP_TRY(evidence.guest_file(Kernel::first, "/proc/iomem"))));
  const std::vector<Range> ranges = ranges_named(iomem, "Crash kernel");
  if (!ranges.empty() || CP_TRY(evidence.architecture()) != "pseries") return ranges;
  static const std::regex reserving(R"(Reserving (\d{1,9})MB of memory at (\d{1,9})MB for crashkernel)");
  const auto match = CP_TRY(find_last_on_console(evidence, Kernel::first, reserving));
  // From 7.0 on the generic code reserves and prints (kernel/crash_reserve.c reserve_crashkernel_generic).
  static const std::regex reserved(R"(crashkernel reserved: 0x([0-9a-f]{1,16}) - 0x([0-9a-f]{1,16}) )");
  if (const auto generic = CP_TRY(find_last_on_console(evidence, Kernel::first, reserved)))
    return std::vector{
        Range{std::stoull(generic->groups[1], nullptr, 16), std::stoull(generic->groups[2], nullptr, 16)}};
  if (!match) return ranges;
  const std::uint64_t begin = std::stoull(match->groups[2]) << 20;
  return std::vector{Range{begin, begin + (std::stoull(match->groups[1]) << 20)}};
}

Result<std::optional<std::uint64_t>> rtas_base(const Evidence& evidence) {
  static const std::regex instantiating(R"(instantiating rtas at 0x([0-9a-f]{1,16}))");
  const auto match = CP_TRY(find_on_console(evidence, Kernel::first, instantiating));
  if (!match) return std::nullopt;
  return std::stoull(match->groups[1], nullptr, 16);
}

bool holds_vpa(std::span<const std::byte> bytes) {
  constexpr std::array<unsigned char, 6> kSignature = {0xd3, 0x97, 0xd7, 0x81, 0x04, 0x00};
  for (std::size_t at = 0; at + kSignature.size() <= bytes.size(); at += 0x400) {
    if (std::memcmp(bytes.data() + at, kSignature.data(), kSignature.size()) == 0) return true;
  }
  return false;
}

Result<std::vector<Range>> lpi_tables(const Evidence& evidence) {
  static const std::regex table(R"(GICv3: .*using .*LPI (?:property|pending) table @0x([0-9a-f]{1,16}))");
  std::vector<Range> tables;
  for (const RecordedLine& line : *CP_TRY(evidence.console(Kernel::first))) {
    std::smatch groups;
    if (!std::regex_search(line.text, groups, table)) continue;
    const std::uint64_t begin = std::stoull(groups[1], nullptr, 16);
    tables.push_back({begin, saturated_sum(begin, kLpiTableSize)});
  }
  return normalized(std::move(tables));
}

Result<std::vector<MemoryOwner>> memory_owners(const Evidence& evidence, Moment moment) {
  std::vector<MemoryOwner> owners{{"crash kernel's reservation", CP_TRY(reservation(evidence))}};
  const DeviceState& state = *CP_TRY(evidence.device_state(moment));
  const bool pseries = CP_TRY(evidence.architecture()) == "pseries";
  auto others = pseries ? CP_TRY(pseries_owners(state)) : CP_TRY(arm64_owners(evidence, state));
  std::move(others.begin(), others.end(), std::back_inserter(owners));
  for (MemoryOwner& owner : owners) owner.ranges = whole_pages(std::move(owner.ranges), kHashedPageSize);
  return owners;
}

Result<std::vector<MemoryOwner>> memory_residents(const Evidence& evidence,
                                                  std::vector<MemoryOwner> writers) {
  const auto iomem = CP_TRY(parse_iomem(CP_TRY(evidence.guest_file(Kernel::first, "/proc/iomem"))));
  if (const auto rtas = CP_TRY(rtas_base(evidence)))
    writers.insert(writers.begin(),
                   {"RTAS", whole_pages({{*rtas, saturated_sum(*rtas, kHashedPageSize)}}, kHashedPageSize)});
  MemoryOwner firmware{"firmware's, reserved in /proc/iomem", {}};
  for (const IomemEntry& entry : iomem)  // below System RAM it is the kernel that reserves
    if (entry.depth == 0 && entry.name == "reserved") firmware.ranges.push_back(entry.range);
  firmware.ranges = whole_pages(std::move(firmware.ranges), kHashedPageSize);
  if (!firmware.ranges.empty()) writers.push_back(std::move(firmware));
  return writers;
}

}  // namespace crashpath
