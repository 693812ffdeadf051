#include "harness/trial/deadlines.h"

#include <gtest/gtest.h>

namespace crashpath {
namespace {

using namespace std::chrono_literals;

TEST(Deadlines, TimeWithoutACpuDoesNotCount) {
  EXPECT_EQ(extension(60s, 60s, 20s), Clock::duration(20s));
  EXPECT_EQ(extension(60s, 60s, 900ms), Clock::duration::zero()) << "hardly any";
}

TEST(Deadlines, CpusThatStarveEachOtherForEverAreNotWaitedForForEver) {
  EXPECT_EQ(extension(60s, 110s, 100s), Clock::duration(10s));
  EXPECT_EQ(extension(60s, 120s, 100s), Clock::duration::zero());
}

TEST(Deadlines, AGuestThatGotHardlyAnyCpuIsNotToBlame) {
  EXPECT_TRUE(had_no_chance(60s, 120s, 110s));
  EXPECT_FALSE(had_no_chance(60s, 120s, 100s));
  EXPECT_FALSE(had_no_chance(60s, 60s, 0s));
}

}  // namespace
}  // namespace crashpath
