#include "guestimages/agent/line_buffer.h"

#include <gmock/gmock.h>

namespace crashpath {
namespace {

TEST(LineBuffer, PutsPiecesTogether) {
  LineBuffer lines(100);
  lines.append("{\"id\"");
  EXPECT_FALSE(lines.next());
  lines.append(": 1}\n{}\nrest");
  EXPECT_EQ(lines.next()->text, "{\"id\": 1}");
  EXPECT_EQ(lines.next()->text, "{}");
  EXPECT_FALSE(lines.next());
}

TEST(LineBuffer, DropsALineThatIsTooLongAndGoesOnBehindIt) {
  LineBuffer lines(8);
  for (int i = 0; i < 100; ++i) {
    lines.append("0123456789");
    EXPECT_FALSE(lines.next());
  }
  lines.append("end\nnext\n");
  const auto dropped = lines.next();
  ASSERT_TRUE(dropped);
  EXPECT_TRUE(dropped->too_long);
  EXPECT_EQ(dropped->text, "");
  EXPECT_EQ(lines.next()->text, "next");
}

TEST(LineBuffer, TakesALineOfTheVeryLimit) {
  LineBuffer lines(4);
  lines.append("1234\n12345\n");
  EXPECT_EQ(lines.next()->text, "1234");
  EXPECT_TRUE(lines.next()->too_long);
}

}  // namespace
}  // namespace crashpath
