#include "guestimages/agent/text.h"

#include <gmock/gmock.h>

namespace crashpath {
namespace {

TEST(ToUtf8, KeepsWellFormedText) {
  const std::string text = "plain, \xC3\xA4, \xE2\x82\xAC, \xF0\x9F\x90\xA7";
  EXPECT_EQ(to_utf8(text), text);
}

TEST(ToUtf8, ReplacesEveryByteThatIsNot) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(to_utf8("a\xFFz"), "a" + bad + "z");
  EXPECT_EQ(to_utf8("cut \xE2\x82"), "cut " + bad + bad);
  EXPECT_EQ(to_utf8("\xC0\xAF"), bad + bad) << "an overlong form of /";
  EXPECT_EQ(to_utf8("\xED\xA0\x80"), bad + bad + bad) << "half of a surrogate pair";
  EXPECT_EQ(to_utf8("\xF4\x90\x80\x80"), bad + bad + bad + bad) << "above U+10FFFF";
}

TEST(ToHex, WritesTwoLowerCaseDigitsAByte) {
  EXPECT_EQ(to_hex(std::string_view("\x00\x7F\xAB", 3)), "007fab");
  EXPECT_EQ(to_hex(""), "");
}

TEST(TrimEnd, TakesLineEndsAndTheNulOfDeviceTreeStrings) {
  EXPECT_EQ(trim_end("crashpath.agent\n"), "crashpath.agent");
  EXPECT_EQ(trim_end(std::string_view("IBM,8375\0", 9)), "IBM,8375");
  EXPECT_EQ(trim_end("\n \n"), "");
}

TEST(Tail, KeepsTheEndAndSaysThatItIsOne) {
  Tail tail(100);
  for (int i = 0; i < 1000; ++i) tail.append("line " + std::to_string(i) + "\n");
  EXPECT_LE(tail.text().size(), 100U);
  EXPECT_THAT(tail.text(), testing::StartsWith("[...]\n"));
  EXPECT_THAT(tail.text(), testing::EndsWith("line 998\nline 999\n"));
}

TEST(Tail, KeepsAllOfWhatFits) {
  Tail tail(100);
  tail.append("one\n");
  tail.append("two\n");
  EXPECT_EQ(tail.text(), "one\ntwo\n");
}

}  // namespace
}  // namespace crashpath
