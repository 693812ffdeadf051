#include "harness/evidence/vpa.h"

#include <fmt/format.h>

#include <boost/endian/conversion.hpp>

#include "harness/evidence/ranges.h"

namespace crashpath {
namespace {

/// An area that can be registered together with a VPA only, and its size.
Result<std::optional<Range>> sized_area(const DeviceField& vpa, std::string_view subsection,
                                        std::string_view address_name, std::string_view size_name) {
  if (!CP_TRY(vpa.has(subsection))) return std::nullopt;
  const std::uint64_t address = CP_TRY(vpa.at(subsection).number(address_name));
  return Range{address, saturated_sum(address, CP_TRY(vpa.at(subsection).number(size_name)))};
}

template <class T>
T big_endian_at(std::span<const std::byte> bytes, std::size_t offset) {
  return boost::endian::endian_load<T, sizeof(T), boost::endian::order::big>(
      reinterpret_cast<const unsigned char*>(bytes.subspan(offset, sizeof(T)).data()));
}

}  // namespace

Result<std::map<std::uint64_t, RegisteredAreas>> registered_areas(const DeviceState& state) {
  std::map<std::uint64_t, RegisteredAreas> areas;
  for (const auto& [number, cpu] : CP_TRY(state.devices("spapr_cpu"))) {
    RegisteredAreas& of_cpu = areas[number];
    if (!CP_TRY(cpu.has("spapr_cpu/vpa"))) continue;
    const DeviceField vpa = cpu.at("spapr_cpu/vpa");
    const std::uint64_t address = CP_TRY(vpa.number("vpa_addr"));
    of_cpu.vpa = Range{address, saturated_sum(address, kVpaSize)};
    of_cpu.slb_shadow =
        CP_TRY(sized_area(vpa, "spapr_cpu/vpa/slb_shadow", "slb_shadow_addr", "slb_shadow_size"));
    of_cpu.dtl = CP_TRY(sized_area(vpa, "spapr_cpu/vpa/dtl", "dtl_addr", "dtl_size"));
  }
  return areas;
}

Result<Lppaca> Lppaca::parse(std::span<const std::byte> bytes) {
  constexpr unsigned kSharedProcessor = 0x02;  // LPPACA_OLD_SHARED_PROC
  if (bytes.size() < kSize)
    return Error::guest(fmt::format("{} bytes are no lppaca, which has {}", bytes.size(), kSize));
  Lppaca lppaca;
  lppaca.desc = big_endian_at<std::uint32_t>(bytes, 0);
  lppaca.size = big_endian_at<std::uint16_t>(bytes, 4);
  lppaca.shared_processor = (std::to_integer<unsigned>(bytes[9]) & kSharedProcessor) != 0;
  lppaca.dtl_enable_mask = std::to_integer<std::uint8_t>(bytes[0xb8]);
  lppaca.fpregs_in_use = std::to_integer<std::uint8_t>(bytes[0xba]);
  lppaca.slb_count = big_endian_at<std::uint16_t>(bytes, 0xfc);
  lppaca.yield_count = big_endian_at<std::uint32_t>(bytes, kYieldCount);
  lppaca.page_ins = big_endian_at<std::uint32_t>(bytes, 0x180);
  lppaca.dtl_idx = big_endian_at<std::uint64_t>(bytes, 0x218);
  return lppaca;
}

std::string Lppaca::fault() const {
  if (desc != kDesc) return fmt::format("desc is {:#x}, not {:#x}", desc, kDesc);
  if (size < kSize || size > kVpaSize)
    return fmt::format("its size is {}, not {} to {}", size, kSize, kVpaSize);
  if (!shared_processor) return "the hypervisor has not marked it as that of a shared processor";
  return "";
}

}  // namespace crashpath
