#include "harness/evidence/gic_redistributors.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace crashpath {
namespace {

constexpr std::uint64_t address_bits(std::uint64_t value, unsigned lowest) {
  return value & ((std::uint64_t{1} << 52) - 1) & ~((std::uint64_t{1} << lowest) - 1);
}

/// Takes `label` and the number behind it off the front of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text, std::string_view label, int base) {
  if (!text.starts_with(label)) return std::nullopt;
  text.remove_prefix(label.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// "PID@SECONDS:gicv3_redist_write GICv3 redistributor 0x1 write: offset 0x78 data 0x40220000 size 8 secure
/// 0"
std::optional<GicRedistributorWrite> parse_write(std::string_view line) {
  constexpr std::string_view kEvent = "gicv3_redist_write GICv3 redistributor 0x";
  const std::size_t at = line.find(kEvent);
  if (at == std::string_view::npos) return std::nullopt;
  line.remove_prefix(at);
  const auto affinity = take_number(line, kEvent, 16);
  const auto offset = affinity ? take_number(line, " write: offset 0x", 16) : std::nullopt;
  const auto data = offset ? take_number(line, " data 0x", 16) : std::nullopt;
  const auto size = data ? take_number(line, " size ", 10) : std::nullopt;
  if (!size || *size > 8) return std::nullopt;
  return GicRedistributorWrite{*affinity, *offset, *data, static_cast<unsigned>(*size)};
}

}  // namespace

std::uint64_t GicRedistributor::property_table() const {
  return address_bits(propbaser, 12);
}

std::uint64_t GicRedistributor::pending_table() const {
  return address_bits(pendbaser, 16);
}

Result<std::vector<GicRedistributor>> gic_redistributors(const DeviceState& state) {
  std::vector<GicRedistributor> all;
  for (const DeviceField& cpu : CP_TRY(state.device("arm_gicv3").at("cpu").elements()))
    all.push_back({.ctlr = CP_TRY(cpu.number("gicr_ctlr")),
                   .propbaser = CP_TRY(cpu.number("gicr_propbaser")),
                   .pendbaser = CP_TRY(cpu.number("gicr_pendbaser"))});
  return all;
}

std::uint64_t vcpu_of_affinity(std::uint64_t affinity) {
  return ((affinity >> 8) & 0xff) * 16 + (affinity & 0xff);
}

std::vector<GicRedistributorWrite> parse_redistributor_writes(std::string_view trace_log) {
  std::vector<GicRedistributorWrite> writes;
  while (!trace_log.empty()) {
    const std::size_t end = std::min(trace_log.find('\n'), trace_log.size());
    if (const auto write = parse_write(trace_log.substr(0, end))) writes.push_back(*write);
    trace_log.remove_prefix(std::min(end + 1, trace_log.size()));
  }
  return writes;
}

}  // namespace crashpath
