#include "harness/evidence/radix_tables.h"

#include <gmock/gmock.h>

#include <boost/endian/conversion.hpp>
#include <map>

namespace crashpath {
namespace {

using testing::HasSubstr;

/// Entries of tables by their physical address; what is not there is 0.
class Tables final : public PhysicalMemory {
 public:
  Result<> read(std::uint64_t address, std::span<std::byte> into) const override {
    if (address >= 1ULL << 40) return Error::guest("no RAM there");
    const auto found = entries.find(address);
    boost::endian::store_big_u64(reinterpret_cast<unsigned char*>(into.data()),
                                 found == entries.end() ? 0 : found->second);
    return {};
  }
  std::map<std::uint64_t, std::uint64_t> entries;
};

constexpr std::uint64_t kValid = 1ULL << 63, kLeaf = 1ULL << 62, kRoot = 0x2770000;
// Indices of its four tables with pages of 4 KiB: 0x1000, 3, 5, 7.
constexpr std::uint64_t kVirtual = 0xc008000000000000 + (3ULL << 30) + (5ULL << 21) + (7ULL << 12) + 0x123;

TEST(RadixTables, LeadToAPage) {
  Tables tables;
  tables.entries = {{kRoot + 8 * 0x1000, kValid | 0x10000 | 13},
                    {0x10000 + 8 * 3, kValid | 0x20000 | 9},
                    {0x20000 + 8 * 5, kValid | 0x30000 | 9},
                    {0x30000 + 8 * 7, kValid | kLeaf | 0x3ffef000 | 0x18e}};
  EXPECT_EQ(radix_to_physical(tables, kRoot, 4096, kVirtual).value(), 0x3ffef123U);
  const auto other = radix_to_physical(tables, kRoot, 4096, kVirtual + 4096);
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message(), HasSubstr("is not mapped"));
  tables.entries[0x30000 + 8 * 7] = kValid | 0x40000;  // the last table leads to another
  EXPECT_FALSE(radix_to_physical(tables, kRoot, 4096, kVirtual));
  tables.entries[0x10000 + 8 * 3] = kValid | 1ULL << 60;
  EXPECT_THAT(radix_to_physical(tables, kRoot, 4096, kVirtual).error().message(), HasSubstr("no RAM there"));
}

TEST(RadixTables, APageMayBeLarge) {
  Tables tables;
  tables.entries = {{kRoot + 8 * 0x1000, kValid | 0x10000 | 13},
                    {0x10000 + 8 * 3, kValid | 0x20000 | 9},
                    {0x20000 + 8 * 5, kValid | kLeaf | 0x40000000}};
  EXPECT_EQ(radix_to_physical(tables, kRoot, 4096, kVirtual).value(), 0x40007123U);
}

TEST(RadixTables, OfPagesOf64KiBHaveASmallerLastTable) {
  Tables tables;
  const std::uint64_t address = 0xc008000000000000 + (3ULL << 30) + (5ULL << 21) + (7ULL << 16) + 0x123;
  tables.entries = {{kRoot + 8 * 0x1000, kValid | 0x10000 | 13},
                    {0x10000 + 8 * 3, kValid | 0x20000 | 9},
                    {0x20000 + 8 * 5, kValid | 0x30000 | 5},
                    {0x30000 + 8 * 7, kValid | kLeaf | 0x3ff0000}};
  EXPECT_EQ(radix_to_physical(tables, kRoot, 65536, address).value(), 0x3ff0123U);
  EXPECT_FALSE(radix_to_physical(tables, kRoot, 16384, address));
}

}  // namespace
}  // namespace crashpath
