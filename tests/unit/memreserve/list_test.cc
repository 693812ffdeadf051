#include "memreserve/list.h"

#include <gmock/gmock.h>

#include "tests/unit/evidence/few_pages.h"

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t kRoot = 0x661baf98;
constexpr std::uint64_t kPage = 0x401c1000;

/// As a guest with two CPUs has it: root, one page, three tables.
class ListTest : public testing::Test {
 protected:
  ListTest() {
    node(kRoot, 0, 0, kPage);
    node(kPage, 255, 3, 0);
    entry(kPage, 0, 0x40200000);
    entry(kPage, 1, 0x40210000);
    entry(kPage, 2, 0x40220000);
  }
  void node(std::uint64_t at, std::uint32_t size, std::uint32_t count, std::uint64_t next) {
    memory_.put32(at, size);
    memory_.put32(at + 4, count);
    memory_.put64(at + 8, next);
  }
  void entry(std::uint64_t page, unsigned index, std::uint64_t base, std::uint64_t size = 0x10000) {
    memory_.put64(page + 16 + index * 16, base);
    memory_.put64(page + 24 + index * 16, size);
  }
  MemreserveList walk() const { return read_memreserve_list(kRoot, memory_).value(); }

  FewPages memory_;
};

TEST_F(ListTest, HasItsPagesAndEntries) {
  const MemreserveList list = walk();
  EXPECT_THAT(list.problems, IsEmpty());
  ASSERT_THAT(list.nodes, SizeIs(2));
  EXPECT_EQ(list.nodes[1].size, 255u);
  ASSERT_THAT(list.entries, SizeIs(3));
  EXPECT_EQ(list.entries[2].range, (Range{0x40220000, 0x40230000}));
  EXPECT_EQ(count_of(list, {0x40210000, 0x40220000}), 1u);
  EXPECT_EQ(count_of(list, {0x40210000, 0x40210001}), 0u);
  EXPECT_THAT(memory_of(list), ElementsAre(Range{kRoot, kRoot + 16}, Range{kPage, kPage + 4096}));
}

TEST_F(ListTest, GoesOverSeveralPages) {
  constexpr std::uint64_t kOther = 0x50000000;
  node(kRoot, 0, 0, kOther);
  node(kOther, 255, 1, kPage);
  entry(kOther, 0, 0x60000000);
  const MemreserveList list = walk();
  EXPECT_THAT(list.problems, IsEmpty());
  EXPECT_THAT(list.nodes, SizeIs(3));
  EXPECT_THAT(list.entries, SizeIs(4));
}

TEST_F(ListTest, OfAFreshBootIsEmpty) {
  node(kRoot, 0, 0, 0);
  EXPECT_THAT(walk().problems, IsEmpty());
  EXPECT_THAT(walk().entries, IsEmpty());
}

TEST_F(ListTest, TellsATwiceReservedTableAndOverlaps) {
  entry(kPage, 2, 0x40210000);
  EXPECT_THAT(walk().problems, ElementsAre(HasSubstr("is reserved twice")));
  entry(kPage, 2, 0x40218000);
  EXPECT_THAT(walk().problems,
              ElementsAre(HasSubstr("0x40218000-0x40227fff (entry 2 of the page at 0x401c1000) "
                                    "overlaps 0x40210000-0x4021ffff")));
  entry(kPage, 2, kPage, 0x1000);
  EXPECT_THAT(walk().problems, ElementsAre(HasSubstr("overlaps the list itself at 0x401c1000")));
}

TEST_F(ListTest, TellsWhatIsNoRange) {
  entry(kPage, 1, 0x40210000, 0);
  entry(kPage, 2, ~std::uint64_t{0xfff}, 0x2000);
  EXPECT_THAT(walk().problems, ElementsAre(HasSubstr("entry 1"), HasSubstr("entry 2")));
  EXPECT_THAT(walk().entries, SizeIs(1));
}

TEST_F(ListTest, EndsInALoop) {
  node(kPage, 255, 3, kPage);
  EXPECT_THAT(walk().problems, ElementsAre(HasSubstr("a loop")));
  node(kPage, 255, 3, kRoot);
  EXPECT_THAT(walk().problems, ElementsAre(HasSubstr("a loop")));
}

TEST_F(ListTest, EndsAfterTooManyPages) {
  for (std::uint64_t i = 0; i < 100; ++i) node(kPage + i * 0x1000, 255, 0, kPage + (i + 1) * 0x1000);
  EXPECT_THAT(walk().problems, ElementsAre(HasSubstr("more than 64 pages")));
}

TEST_F(ListTest, DoesNotTellEverythingOfWhatIsWrongEverywhere) {
  node(kPage, 255, 255, 0);
  EXPECT_THAT(walk().problems, SizeIs(64)) << "252 entries without a size";
  EXPECT_EQ(walk().problems.back(), "and more");
}

TEST_F(ListTest, TellsDamagedCounts) {
  node(kPage, 255, 256, 0);
  EXPECT_THAT(walk().problems, testing::Contains(HasSubstr("has 256 entries, but room for 255")));
  node(kPage, 0xffffffff, 0xffffffff, 0);
  EXPECT_THAT(walk().problems, testing::Contains(HasSubstr("says that it has room for 4294967295 entries")));
  node(kPage, 255, 3, 0);
  node(kRoot, 0, 1, kPage);
  EXPECT_THAT(walk().problems, testing::Contains(HasSubstr("the root at 0x661baf98 has entries of its own")));
}

TEST_F(ListTest, TellsAPageThatIsNotThere) {
  node(kRoot, 0, 0, 0x12345000);
  EXPECT_THAT(walk().problems, ElementsAre("the page at 0x12345000 cannot be read: that page is not there"));
  node(kRoot, 0, 0, ~std::uint64_t{7});
  EXPECT_THAT(walk().problems, ElementsAre(HasSubstr("is no address")));
  EXPECT_FALSE(read_memreserve_list(0x1000, memory_)) << "without a root there is no list";
}

TEST_F(ListTest, TellsWhatIsNotInMemory) {
  const MemreserveList list = walk();
  EXPECT_THAT(find_outside_ram(list, {{0x40000000, 0x80000000}}), IsEmpty());
  EXPECT_THAT(
      find_outside_ram(list, {{0x40000000, 0x40228000}, {0x66000000, 0x67000000}}),
      ElementsAre(HasSubstr("0x40220000-0x4022ffff (entry 2 of the page at 0x401c1000) is not in memory")));
  EXPECT_THAT(find_outside_ram(list, {{0x40000000, 0x50000000}}),
              ElementsAre(HasSubstr("the list itself at 0x661baf98 is not in memory")));
}

}  // namespace
}  // namespace crashpath
