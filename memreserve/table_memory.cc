#include "memreserve/table_memory.h"

#include <fmt/format.h>

#include <array>
#include <boost/endian/conversion.hpp>
#include <vector>

#include "memreserve/lpi_state.h"
#include "memreserve/witnesses.h"

namespace crashpath {
namespace {

constexpr std::uint8_t kGroup1 = 1 << 1, kEnabled = 1 << 0;  // LPI_PROP_GROUP1, LPI_PROP_ENABLED
constexpr std::size_t kFirstLpi = 8192;
constexpr std::size_t kMostLpis = std::size_t{1} << 16;  // ITS_MAX_LPI_NRBITS

Result<std::uint64_t> references_of(const KernelState& kernel, std::uint64_t table) {
  const std::uint64_t page = CP_TRY(physical_to_page(table, kernel.vmcoreinfo()));
  const auto offset = kernel.vmcoreinfo().number("OFFSET(page._refcount)");
  if (!offset) return Error(Fault::lacks, "VMCOREINFO has no OFFSET(page._refcount)");
  std::array<std::byte, 4> bytes{};  // atomic_t
  CP_TRY(kernel.read(page + *offset, bytes));
  return boost::endian::load_little_u32(reinterpret_cast<const unsigned char*>(bytes.data()));
}

std::string find_overwritten(const std::vector<std::uint8_t>& bytes, LpiTable kind) {
  const auto words = [&](std::size_t offset, std::string_view what) {
    return fmt::format("{:#04x} at offset {:#x}, {}", bytes[offset], offset, what);
  };
  const std::uint8_t priority = bytes.front() & static_cast<std::uint8_t>(~kEnabled);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (kind == LpiTable::property) {
      if ((bytes[i] & kGroup1) == 0) return words(i, "where every LPI is of group 1");
      if ((bytes[i] & ~kEnabled) != priority) return words(i, "where every LPI has one priority");
    } else if (bytes[i] != 0 && (i < kFirstLpi / 8 || i >= kMostLpis / 8)) {
      return words(i, "where there is no LPI");
    }
  }
  return "";
}

}  // namespace

TableMemory read_table_memory(const KernelState& kernel, LpiTable kind, std::uint64_t address) {
  std::vector<std::uint8_t> bytes(kLpiTableSize);
  const auto read = kernel.memory().read(address, std::as_writable_bytes(std::span(bytes)));
  return {.kind = kind,
          .address = address,
          .references = references_of(kernel, address),
          .overwritten =
              read ? Result<std::string>(find_overwritten(bytes, kind)) : Result<std::string>(read.error())};
}

}  // namespace crashpath
