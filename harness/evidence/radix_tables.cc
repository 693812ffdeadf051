#include "harness/evidence/radix_tables.h"

#include <fmt/format.h>

#include <array>
#include <boost/endian/conversion.hpp>

namespace crashpath {

Result<std::uint64_t> radix_to_physical(const PhysicalMemory& memory, std::uint64_t root,
                                        std::uint64_t page_size, std::uint64_t address) {
  // Of the 52 bits that are translated: 13, 9, 9 and, for the last table, what the page leaves.
  constexpr std::array<unsigned, 3> kUpper = {13, 9, 9};
  constexpr std::uint64_t kValid = 1ULL << 63, kLeaf = 1ULL << 62;
  constexpr std::uint64_t kPage = 0x01fffffffffff000, kTable = 0x3fffffffffffff00;
  if (page_size != 4096 && page_size != 65536)
    return Error::guest(fmt::format("a ppc64 kernel with pages of {} bytes cannot be", page_size));
  unsigned shift = 52;
  for (std::size_t level = 0; level <= kUpper.size(); ++level) {
    const unsigned bits = level < kUpper.size() ? kUpper.at(level) : page_size == 4096 ? 9 : 5;
    shift -= bits;
    const std::uint64_t index = (address >> shift) & ((1ULL << bits) - 1);
    std::array<std::byte, 8> bytes{};
    CP_TRY(memory.read(root + 8 * index, bytes));
    const std::uint64_t entry =
        boost::endian::load_big_u64(reinterpret_cast<const unsigned char*>(bytes.data()));
    if ((entry & kValid) == 0) break;
    if ((entry & kLeaf) != 0) return (entry & kPage) + (address & ((1ULL << shift) - 1));
    root = entry & kTable;
  }
  return Error::guest(fmt::format("{:#x} is not mapped", address));
}

}  // namespace crashpath
