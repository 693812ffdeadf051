#include "memreserve/table_memory.h"

#include <gmock/gmock.h>

#include "memreserve/witnesses.h"
#include "tests/unit/evidence/few_pages.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kTable = 0x40210000;

/// A table of 64 KiB with this in every byte.
FewPages table_of(std::uint8_t byte) {
  FewPages memory;
  for (std::uint64_t i = 0; i < kLpiTableSize; i += 8) memory.put64(kTable + i, byte * 0x0101010101010101ULL);
  return memory;
}

std::string overwritten(const FewPages& memory, LpiTable kind) {
  const KernelState kernel(memory, "aarch64", Vmcoreinfo(),
                           [](std::string_view) { return Error(Fault::lacks, "no symbol"); });
  return read_table_memory(kernel, kind, kTable).overwritten.value();
}

TEST(TableMemory, APropertyTableHasOnePriorityAndEnabledLpis) {
  FewPages memory = table_of(0xa2);
  EXPECT_EQ(overwritten(memory, LpiTable::property), "");
  memory.put64(kTable + 32, 0xa2a2a2a3a2a2a2a2);
  EXPECT_EQ(overwritten(memory, LpiTable::property), "");
  memory.put64(kTable + 64, 0xa2a2a2b2a2a2a2a2);
  EXPECT_EQ(overwritten(memory, LpiTable::property), "0xb2 at offset 0x44, where every LPI has one priority");
  EXPECT_THAT(overwritten(table_of(0xa5), LpiTable::property), HasSubstr("group 1"));
  EXPECT_THAT(overwritten(table_of(0), LpiTable::property), HasSubstr("0x00 at offset 0x0"));
}

TEST(TableMemory, APendingTableHasBitsOfLpisOnly) {
  FewPages memory = table_of(0);
  EXPECT_EQ(overwritten(memory, LpiTable::pending), "");
  memory.put64(kTable + 1024, 1);  // LPI 8192
  memory.put64(kTable + 8184, std::uint64_t{1} << 63);
  EXPECT_EQ(overwritten(memory, LpiTable::pending), "");
  memory.put64(kTable + 8192, 1);
  EXPECT_EQ(overwritten(memory, LpiTable::pending), "0x01 at offset 0x2000, where there is no LPI");
  memory.put64(kTable + 1016, std::uint64_t{1} << 56);
  EXPECT_EQ(overwritten(memory, LpiTable::pending), "0x01 at offset 0x3ff, where there is no LPI");
}

TEST(TableMemory, IsAnErrorWhereItIsNotRecorded) {
  const FewPages nothing;
  const KernelState kernel(nothing, "aarch64", Vmcoreinfo(),
                           [](std::string_view) { return Error(Fault::lacks, "no symbol"); });
  const TableMemory table = read_table_memory(kernel, LpiTable::pending, kTable);
  EXPECT_EQ(table.overwritten.error().fault(), Fault::lacks);
  EXPECT_EQ(table.references.error().message(), "VMCOREINFO has no NUMBER(VMEMMAP_START)");
}

}  // namespace
}  // namespace crashpath
