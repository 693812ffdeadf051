#include "guestimages/agent/program.h"

#include <gmock/gmock.h>

namespace crashpath {
namespace {

using testing::HasSubstr;

TEST(Program, GivesExitStatusAndBothStreams) {
  const auto ended = run_program({"sh", "-c", "echo out; echo err >&2; exit 3"}, 1000).value();
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_EQ(ended.output, "out\nerr\n");
}

TEST(Program, SaysASignalAsShellsDo) {
  EXPECT_EQ(run_program({"sh", "-c", "kill -9 $$"}, 1000).value().exit_code, 137);
}

TEST(Program, KeepsTheEndOfLongOutput) {
  const auto ended = run_program({"sh", "-c", "yes no | head -c 1000000; echo last words"}, 1000).value();
  EXPECT_LE(ended.output.size(), 1000U);
  EXPECT_THAT(ended.output, testing::EndsWith("last words\n"));
}

TEST(Program, IsNamedWhenItCannotBeRun) {
  const auto ended = run_program({"/no/such/program"}, 1000);
  ASSERT_FALSE(ended);
  EXPECT_THAT(ended.error().message(), HasSubstr("/no/such/program: No such file"));
  EXPECT_FALSE(run_program({}, 1000));
}

TEST(Program, KeepsStreamsApartWhereBothAreWanted) {
  std::string out, err;
  ProgramStreams streams;
  streams.out = [&](std::string_view text) -> Result<> { return out += text, Result<>(); };
  streams.err = [&](std::string_view text) -> Result<> { return err += text, Result<>(); };
  EXPECT_EQ(run_program({"sh", "-c", "echo data; echo words >&2"}, streams).value(), 0);
  EXPECT_EQ(out, "data\n");
  EXPECT_EQ(err, "words\n");
}

TEST(Program, EndsWhenItsReaderFails) {
  ProgramStreams streams;
  streams.out = [](std::string_view) -> Result<> { return Error::guest("disk full"); };
  const auto ended = run_program({"yes"}, streams);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().message(), "disk full");
}

}  // namespace
}  // namespace crashpath
