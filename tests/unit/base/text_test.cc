#include "harness/base/text.h"

#include <gmock/gmock.h>

namespace crashpath {
namespace {

using testing::ElementsAre;

TEST(Text, PrintableLeavesOutEscapeSequences) {
  EXPECT_EQ(printable("\x1b[2J\x1b[1;31mpanic\x1b[0m"), "panic");
  EXPECT_EQ(printable("a\x1b]0;title\x07"
                      "b\x1b]0;title\x1b\\c"),
            "abc");
  EXPECT_EQ(printable("a\x1b"
                      "7b"),
            "ab");
}

TEST(Text, PrintableTakesSequencesThatNeverEnd) {
  EXPECT_EQ(printable("a\x1b"), "a");
  EXPECT_EQ(printable("a\x1b["), "a");
  EXPECT_EQ(printable("a\x1b[12;"), "a");
  EXPECT_EQ(printable("a\x1b]0;no end"), "a");
}

TEST(Text, PrintableKeepsOneLineOfAscii) {
  EXPECT_EQ(printable("a\tb\r\nc\nd\re"), "a b c d e");
  EXPECT_EQ(printable(std::string("a\0b\x7f\xc3\xa9\x9b", 7)), "a?b????");
}

TEST(Text, ShortenNeverExceedsTheWidth) {
  EXPECT_EQ(shorten("abcdef", 6), "abcdef");
  EXPECT_EQ(shorten("abcdefg", 6), "abc...");
  EXPECT_EQ(shorten("abcdefg", 2), "ab");
  EXPECT_EQ(shorten("abcdefg", 0), "");
}

TEST(Text, WrapBreaksBetweenWordsAndInsideOfLongOnes) {
  EXPECT_THAT(wrap("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(wrap("0123456789", 4), ElementsAre("0123", "4567", "89"));
  EXPECT_THAT(wrap("one    two", 5), ElementsAre("one", "two"));
  EXPECT_THAT(wrap("", 4), ElementsAre(""));
  EXPECT_THAT(wrap("ab  ", 2), ElementsAre("ab"));
}

}  // namespace
}  // namespace crashpath
