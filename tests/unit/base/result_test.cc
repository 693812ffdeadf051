#include "harness/base/result.h"

#include <gmock/gmock.h>

namespace crashpath {
namespace {

Result<int> fails() {
  return Error::guest("no second kernel").with_hint("look at console-second.log");
}
Result<int> passes_on() {
  return CP_TRY(fails()) + 1;
}

TEST(Result, TryCarriesFaultHintAndTheLinesItCameThrough) {
  const auto result = passes_on();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault(), Fault::guest);
  EXPECT_EQ(result.error().to_string(), "no second kernel\n  hint: look at console-second.log");
  ASSERT_EQ(result.error().trace().size(), 2u);
  EXPECT_LT(result.error().trace()[0].line(), result.error().trace()[1].line());
}

TEST(Result, WithinPutsContextInFront) {
  EXPECT_EQ(Error::host("disk full").within("writing vmcore").message(), "writing vmcore: disk full");
}

TEST(Result, TakingTheValueOfAnErrorIsABug) {
  EXPECT_THROW((void)fails().value(), std::logic_error);
}

}  // namespace
}  // namespace crashpath
