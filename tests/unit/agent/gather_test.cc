#include "guestimages/agent/gather.h"

#include <gmock/gmock.h>

namespace crashpath {
namespace {

class GatherTest : public testing::Test {
 protected:
  Gather gather_{[this](std::uint64_t offset, std::string_view data) -> Result<> {
    ++writes_;
    if (disk_.size() < offset + data.size()) disk_.resize(offset + data.size(), '.');
    disk_.replace(offset, data.size(), data);
    return {};
  }};
  std::string disk_;
  int writes_ = 0;
};

TEST_F(GatherTest, WritesTwoAlternatingRunsAsTwo) {
  for (std::uint64_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(gather_.add(i, "d"));
    ASSERT_TRUE(gather_.add(1000 + 2 * i, "pp"));
  }
  EXPECT_EQ(writes_, 0);
  ASSERT_TRUE(gather_.flush());
  EXPECT_EQ(writes_, 2);
  EXPECT_EQ(disk_, std::string(100, 'd') + std::string(900, '.') + std::string(200, 'p'));
}

TEST_F(GatherTest, CutsLongRunsAtBlocks) {
  const std::string piece(100'000, 'x');
  for (std::uint64_t i = 0; i < 25; ++i) ASSERT_TRUE(gather_.add(7 + i * piece.size(), piece));
  EXPECT_EQ(writes_, 2);
  EXPECT_EQ(disk_.size() % Gather::block, 0U);
  ASSERT_TRUE(gather_.flush());
  EXPECT_EQ(disk_, std::string(7, '.') + std::string(25 * piece.size(), 'x'));
}

TEST_F(GatherTest, LetsALaterPieceWin) {
  ASSERT_TRUE(gather_.add(0, "header"));
  ASSERT_TRUE(gather_.add(6, "body"));
  ASSERT_TRUE(gather_.add(0, "HEAD"));
  ASSERT_TRUE(gather_.flush());
  EXPECT_EQ(disk_, "HEADerbody");
}

TEST_F(GatherTest, WritesTheOldestRunWhenThereAreTooMany) {
  for (std::uint64_t i = 0; i <= Gather::runs; ++i) ASSERT_TRUE(gather_.add(i * 10, std::to_string(i)));
  EXPECT_EQ(disk_, "0");
}

TEST(Gather, HandsOnWhatTheDiskSays) {
  Gather gather([](std::uint64_t, std::string_view) -> Result<> { return Error::guest("disk full"); });
  ASSERT_TRUE(gather.add(0, "x"));
  EXPECT_FALSE(gather.flush());
}

}  // namespace
}  // namespace crashpath
