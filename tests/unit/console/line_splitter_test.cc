#include "harness/console/line_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(LineSplitter, SplitsWhereverTheBytesAreCut) {
  const std::string text = "one\r\ntwo\n\n\r\r\nthree";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    LineSplitter splitter;
    auto lines = splitter.feed(text.substr(0, cut));
    for (auto& line : splitter.feed(text.substr(cut))) lines.push_back(line);
    EXPECT_THAT(lines, ElementsAre("one", "two", "", "")) << cut;
    EXPECT_EQ(splitter.take_partial(), "three") << cut;
    EXPECT_EQ(splitter.take_partial(), std::nullopt);
  }
}

TEST(LineSplitter, KeepsControlCharactersAndZeroBytes) {
  LineSplitter splitter;
  const std::string text("\x1b[0mSL\rOF\0x", 11);
  EXPECT_THAT(splitter.feed(text + "\n"), ElementsAre(text));
}

TEST(LineSplitter, CutsWhatIsTooLong) {
  const std::string text = "abcdefghi\nabcd\nabcde\n";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    LineSplitter splitter(4);
    auto lines = splitter.feed(text.substr(0, cut));
    for (auto& line : splitter.feed(text.substr(cut))) lines.push_back(line);
    EXPECT_THAT(lines, ElementsAre("abcd", "efgh", "i", "abcd", "abcd", "e")) << cut;
  }
}

TEST(LineSplitter, ALineWhoseBeginningWasTakenGoesOnAsAnother) {
  LineSplitter splitter;
  EXPECT_THAT(splitter.feed("login: "), IsEmpty());
  EXPECT_EQ(splitter.take_partial(), "login: ");
  EXPECT_THAT(splitter.feed("root\n"), ElementsAre("root"));
}

}  // namespace
}  // namespace crashpath
