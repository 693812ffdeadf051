#include "guestimages/agent/arguments.h"

#include <gmock/gmock.h>

namespace crashpath {
namespace {

using testing::ElementsAre;

Arguments parse(std::string_view text) {
  return Arguments(boost::json::parse(text).get_object());
}

TEST(Arguments, GivesWhatIsThereAndDefaultsForTheRest) {
  auto arguments = parse(R"({"name": "virtio_blk", "cpu": 3, "panic": false, "args": ["-i", "-c"]})");
  EXPECT_EQ(arguments.text("name").value(), "virtio_blk");
  EXPECT_EQ(arguments.number("cpu").value(), 3);
  EXPECT_FALSE(arguments.flag_or("panic", true).value());
  EXPECT_THAT(arguments.texts("args").value(), ElementsAre("-i", "-c"));
  EXPECT_EQ(arguments.text_or("params", "x").value(), "x");
  EXPECT_EQ(arguments.optional_number("level").value(), std::nullopt);
  EXPECT_TRUE(arguments.nothing_else());
}

TEST(Arguments, NamesWhatIsMissingOrOfTheWrongType) {
  auto arguments = parse(R"({"cpu": "3", "args": ["-i", 1]})");
  EXPECT_EQ(arguments.text("name").error().message(), "argument 'name' is missing");
  EXPECT_EQ(arguments.number("cpu").error().message(), "argument 'cpu' must be a whole number");
  EXPECT_EQ(arguments.texts("args").error().message(), "argument 'args' must be an array of strings");
}

TEST(Arguments, RefusesWhatNobodyTook) {
  auto arguments = parse(R"({"cpu": 1, "cpus": 2})");
  EXPECT_TRUE(arguments.number("cpu"));
  EXPECT_EQ(arguments.nothing_else().error().message(), "argument 'cpus' is unknown");
}

}  // namespace
}  // namespace crashpath
