#include "harness/evidence/iomem.h"

#include <gmock/gmock.h>

#include "harness/evidence/evidence.h"
#include "harness/evidence/ranges.h"
#include "tests/corpus/trial_copy.h"

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Iomem, ReadsARealGuest) {
  const TrialCopy trial("arm64-6.12");
  const auto iomem =
      parse_iomem(Evidence(trial.directory()).guest_file(Kernel::first, "/proc/iomem").value()).value();
  EXPECT_THAT(ranges_named(iomem, "System RAM"),
              ElementsAre(Range{0x40000000, 0x6c440000}, Range{0x6c730000, 0x6fc00000},
                          Range{0x6ffe0000, 0x70000000}));
  EXPECT_THAT(ranges_named(iomem, "Crash kernel"), ElementsAre(Range{0x4e600000, 0x5a600000}));
  EXPECT_EQ(iomem.front().name, "reserved");
  EXPECT_EQ(iomem.front().depth, 0);
}

TEST(Iomem, KeepsTheNesting) {
  const auto iomem =
      parse_iomem("00001000-00001fff : a\n  00001000-000017ff : b c\n    00001000-00001000 : d\n").value();
  ASSERT_EQ(iomem.size(), 3U);
  EXPECT_EQ(iomem[1].depth, 1);
  EXPECT_EQ(iomem[1].name, "b c");
  EXPECT_EQ(iomem[2].depth, 2);
  EXPECT_EQ(to_string(iomem[2].range), "0x1000-0x1000");
}

TEST(Iomem, RefusesWhatTheKernelDoesNotPrint) {
  for (const char* text : {"", "garbage\n", "1000-fff : backwards\n", "1000 : no range\n",
                           "1000-1fff no colon\n", "0-ffffffffffffffff : goes around\n"})
    EXPECT_FALSE(parse_iomem(text)) << text;
  const auto hidden = parse_iomem("00000000-00000000 : System RAM\n");
  ASSERT_FALSE(hidden);
  EXPECT_THAT(hidden.error().message(), HasSubstr("without privilege"));
}

TEST(Ranges, AreJoinedAndSubtracted) {
  EXPECT_THAT(normalized({{5, 7}, {1, 3}, {3, 4}, {6, 9}, {8, 8}}), ElementsAre(Range{1, 4}, Range{5, 9}));
  EXPECT_THAT(subtract({{0, 100}}, {{10, 20}, {90, 200}}), ElementsAre(Range{0, 10}, Range{20, 90}));
  EXPECT_THAT(subtract({{10, 20}}, {{0, 100}}), IsEmpty());
  EXPECT_THAT(subtract({{10, 20}}, {}), ElementsAre(Range{10, 20}));
  EXPECT_EQ(total_size({{0, 10}, {20, 21}}), 11U);
  EXPECT_TRUE(contains({{0, 10}}, 9));
  EXPECT_FALSE(contains({{0, 10}}, 10));
  EXPECT_EQ(saturated_sum(UINT64_MAX, 2), UINT64_MAX);
}

TEST(Ranges, AreShownWithALimit) {
  EXPECT_EQ(to_string(std::vector<Range>{{0, 16}, {32, 48}, {64, 80}}, 2), "0x0-0xf, 0x20-0x2f and 1 more");
}

}  // namespace
}  // namespace crashpath
