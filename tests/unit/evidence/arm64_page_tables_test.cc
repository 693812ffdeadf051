#include "harness/evidence/arm64_page_tables.h"

#include <gmock/gmock.h>

#include "tests/unit/evidence/few_pages.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

constexpr Arm64PageTables kTables{.root = 0x40000000, .page_size = 4096, .address_bits = 48};
/// Indexes 502, 3, 5 and 7 of the four levels, byte 0x123.
constexpr std::uint64_t kAddress =
    0xffff000000000000 | 502ULL << 39 | 3ULL << 30 | 5ULL << 21 | 7ULL << 12 | 0x123;
constexpr std::uint64_t kTable = 3, kPage = 3, kBlock = 1;
/// Attributes above and below the address that are none of its bits: UXN, PXN, AF, inner shareable.
constexpr std::uint64_t kAttributes = 3ULL << 53 | 7ULL << 8;

FewPages memory_with(std::uint64_t third_level, std::uint64_t last_level) {
  FewPages memory;
  memory.put64(0x40000000 + 502 * 8, 0x40001000 | kTable);
  memory.put64(0x40001000 + 3 * 8, 0x40002000 | kTable | 1ULL << 59);
  memory.put64(0x40002000 + 5 * 8, third_level);
  memory.put64(0x40003000 + 7 * 8, last_level);
  return memory;
}

TEST(Arm64PageTables, FindAPageBehindFourLevels) {
  const auto memory = memory_with(0x40003000 | kTable, 0x5a5a5000 | kPage | kAttributes);
  EXPECT_EQ(walk(kTables, memory, kAddress).value(), 0x5a5a5123u);
}

TEST(Arm64PageTables, FindAPageInABlock) {
  const auto memory = memory_with(0x7fe00000 | kBlock | kAttributes, 0);
  EXPECT_EQ(walk(kTables, memory, kAddress).value(), 0x7fe07123u);
}

TEST(Arm64PageTables, HaveFewerLevelsWithLargerPages) {
  constexpr Arm64PageTables large{.root = 0x40000000, .page_size = 65536, .address_bits = 48};
  FewPages memory;
  // 3 levels of 6, 13 and 13 bits.
  memory.put64(0x40000000 + 63 * 8, 0x40010000 | kTable);
  memory.put64(0x40010000 + 8191 * 8, 0x40020000 | kTable);
  memory.put64(0x40020000 + 1 * 8, 0x50000 | kPage);
  const std::uint64_t address = 0xffff000000000000 | 63ULL << 42 | 8191ULL << 29 | 1ULL << 16 | 0xfedc;
  EXPECT_EQ(walk(large, memory, address).value(), 0x5fedcu);
}

TEST(Arm64PageTables, SayWhatIsNotMapped) {
  const auto unmapped = memory_with(0x40003000 | kTable, 0x5a5a5000);
  EXPECT_THAT(walk(kTables, unmapped, kAddress).error().message(), HasSubstr("is not mapped"));
  const auto block_as_page = memory_with(0x40003000 | kTable, 0x5a5a5000 | kBlock);
  EXPECT_THAT(walk(kTables, block_as_page, kAddress).error().message(), HasSubstr("is not mapped"));
  // An address of user space.
  EXPECT_THAT(walk(kTables, unmapped, 0x400000).error().message(), HasSubstr("0x400000 is not mapped"));
}

TEST(Arm64PageTables, EndWhereATableIsNotThere) {
  const auto memory = memory_with(0x666000 | kTable, 0);
  EXPECT_EQ(walk(kTables, memory, kAddress).error().message(), "that page is not there");
}

TEST(Arm64PageTables, AreFoundByVmcoreinfo) {
  const std::string text =
      "PAGESIZE=4096\nNUMBER(VA_BITS)=48\nNUMBER(TCR_EL1_T1SZ)=0x10\nSYMBOL(_stext)=ffff800080010000\n"
      "SYMBOL(swapper_pg_dir)=ffff800081e00000\nNUMBER(kimage_voffset)=0xffff800040000000\n";
  const auto tables = kernel_page_tables(Vmcoreinfo(text)).value();
  EXPECT_EQ(tables.root, 0x41e00000u);
  EXPECT_EQ(tables.address_bits, 48u);
  const auto lacking = kernel_page_tables(Vmcoreinfo(std::string("PAGESIZE=4096\n")));
  EXPECT_EQ(lacking.error().fault(), Fault::lacks);
  const auto nonsense = kernel_page_tables(Vmcoreinfo("PAGESIZE=4095\nNUMBER(TCR_EL1_T1SZ)=0x10\n"));
  EXPECT_THAT(nonsense.error().message(), HasSubstr("pages of 4095 bytes"));
}

}  // namespace
}  // namespace crashpath
