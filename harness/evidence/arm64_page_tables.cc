#include "harness/evidence/arm64_page_tables.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <boost/endian/conversion.hpp>

#include "harness/evidence/kernel_addresses.h"

namespace crashpath {
namespace {

constexpr std::uint64_t kDescriptor = 8;  // bytes
constexpr std::uint64_t kValid = 1, kTableOrPage = 2;
constexpr std::uint64_t kOutput = (std::uint64_t{1} << 48) - 1;

Result<std::uint64_t> read_descriptor(const PhysicalMemory& memory, std::uint64_t at) {
  std::array<std::byte, kDescriptor> bytes{};
  CP_TRY(memory.read(at, bytes));
  return boost::endian::load_little_u64(reinterpret_cast<const unsigned char*>(bytes.data()));
}

}  // namespace

Result<Arm64PageTables> kernel_page_tables(const Vmcoreinfo& vmcoreinfo) {
  const auto number = [&vmcoreinfo](std::string_view key) -> Result<std::uint64_t> {
    const auto value = vmcoreinfo.number(key);
    if (!value) return Error(Fault::lacks, fmt::format("VMCOREINFO has no {}", key));
    return *value;
  };
  const std::uint64_t unused_bits = CP_TRY(number("NUMBER(TCR_EL1_T1SZ)"));
  const std::uint64_t page_size = CP_TRY(number("PAGESIZE"));
  if (unused_bits < 12 || unused_bits > 39 ||
      (page_size != 4 << 10 && page_size != 16 << 10 && page_size != 64 << 10))
    return Error::guest(fmt::format("VMCOREINFO has pages of {} bytes and T1SZ {}", page_size, unused_bits));
  const std::uint64_t root =
      CP_TRY(kernel_to_physical("aarch64", vmcoreinfo, CP_TRY(number("SYMBOL(swapper_pg_dir)"))));
  return Arm64PageTables{.root = root, .page_size = page_size, .address_bits = 64 - unused_bits};
}

Result<std::uint64_t> walk(const Arm64PageTables& tables, const PhysicalMemory& memory,
                           std::uint64_t address) {
  const auto page_bits = static_cast<std::uint64_t>(std::bit_width(tables.page_size)) - 1;
  const std::uint64_t level_bits = page_bits - 3;  // a table is a page of descriptors
  const auto unmapped = [address] { return Error::guest(fmt::format("{:#x} is not mapped", address)); };
  const std::uint64_t above = ~std::uint64_t{0} << tables.address_bits;
  if ((address & above) != above) return unmapped();
  std::uint64_t levels = (tables.address_bits - page_bits + level_bits - 1) / level_bits;
  std::uint64_t shift = page_bits + (levels - 1) * level_bits;
  std::uint64_t index = (address & ~above) >> shift;
  for (std::uint64_t table = tables.root; levels > 0; --levels) {
    const std::uint64_t descriptor = CP_TRY(read_descriptor(memory, table + index * kDescriptor));
    if ((descriptor & kValid) == 0) return unmapped();
    const std::uint64_t offset = (std::uint64_t{1} << shift) - 1;
    const bool block = (descriptor & kTableOrPage) == 0;
    if (block && levels == 1) return unmapped();
    if (block || levels == 1) return (descriptor & kOutput & ~offset) | (address & offset);
    table = descriptor & kOutput & ~(tables.page_size - 1);
    shift -= level_bits;
    index = (address >> shift) & ((std::uint64_t{1} << level_bits) - 1);
  }
  return unmapped();
}

}  // namespace crashpath
