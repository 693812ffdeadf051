#include "memreserve/tables_kept.h"

#include <gmock/gmock.h>

namespace crashpath {
namespace {

using testing::HasSubstr;

TableMemory held(std::uint64_t address) {
  return {.kind = LpiTable::pending, .address = address, .references = 1, .overwritten = std::string()};
}
Witnesses with(std::vector<TableMemory> tables) {
  Witnesses witnesses;
  witnesses.tables.push_back({"memory-armed.elf", std::move(tables)});
  return witnesses;
}

TEST(TablesKept, SaysHowManyWereSeen) {
  const CheckResult result = judge_tables_kept(with({held(0x1000), held(0x2000)})).value();
  EXPECT_EQ(result.outcome, Outcome::pass);
  EXPECT_EQ(result.got, "2 tables as they should be in memory-armed.elf, 2 of them held");
}

TEST(TablesKept, FailsForATableThatIsFreeInAnyWitness) {
  TableMemory free = held(0x40220000);
  free.references = 0;
  Witnesses witnesses = with({held(0x40220000)});
  witnesses.tables.push_back({"vmcore", std::vector{free}});
  const CheckResult result = judge_tables_kept(witnesses).value();
  EXPECT_EQ(result.outcome, Outcome::fail);
  EXPECT_EQ(result.got, "vmcore: the pending table at 0x40220000 is free: its struct page has no reference");
  EXPECT_EQ(result.evidence, "vmcore");
}

TEST(TablesKept, FailsForWhatSomebodyWrote) {
  TableMemory written = held(0x40220000);
  written.kind = LpiTable::property;
  written.references = Error(Fault::lacks, "VMCOREINFO has no NUMBER(VMEMMAP_START)");
  written.overwritten = std::string("0xa5 at offset 0x0, where every LPI is of group 1");
  const CheckResult result = judge_tables_kept(with({written})).value();
  EXPECT_EQ(result.outcome, Outcome::fail);
  EXPECT_THAT(result.got, HasSubstr("the property table at 0x40220000 has 0xa5 at offset 0x0"));
}

TEST(TablesKept, SaysWhatIsNotSeen) {
  TableMemory unknown = held(0x1000);
  unknown.references = Error(Fault::lacks, "VMCOREINFO has no NUMBER(VMEMMAP_START)");
  Witnesses witnesses = with({unknown});
  witnesses.tables.push_back({"vmcore", Error::guest("no dump that can be read")});
  const CheckResult result = judge_tables_kept(witnesses).value();
  EXPECT_EQ(result.outcome, Outcome::pass);
  EXPECT_EQ(result.got,
            "1 tables as they should be in memory-armed.elf; not seen: VMCOREINFO has no "
            "NUMBER(VMEMMAP_START); vmcore: no dump that can be read");
}

TEST(TablesKept, IsAnErrorWhereNothingIsSeen) {
  const auto nothing = judge_tables_kept(Witnesses());
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().fault(), Fault::lacks);
}

}  // namespace
}  // namespace crashpath
