#include "harness/evidence/timeline.h"

#include <gmock/gmock.h>

namespace crashpath {
namespace {

TEST(Timeline, IsReadAsItWasWritten) {
  const std::string text = to_json_line(TimelineStage{0, Stage::image}) +
                           to_json_line(TimelineStage{3.25, Stage::second_kernel}) +
                           to_json_line(TimelineEnd{9.5, EndedBy::guest, "it hangs: \"quoted\"\n"});
  const Timeline timeline = parse_timeline(text).value();
  ASSERT_EQ(timeline.stages.size(), 2U);
  EXPECT_EQ(timeline.stages[1].stage, Stage::second_kernel);
  EXPECT_DOUBLE_EQ(timeline.stages[1].seconds, 3.25);
  ASSERT_TRUE(timeline.end);
  EXPECT_EQ(timeline.end->by, EndedBy::guest);
  EXPECT_EQ(timeline.end->words, "it hangs: \"quoted\"\n");
}

TEST(Timeline, WithoutAnEndTheHarnessWasKilled) {
  const std::string stage = to_json_line(TimelineStage{1, Stage::boot});
  EXPECT_FALSE(parse_timeline(stage).value().end);
  const Timeline cut = parse_timeline(stage + R"({"t": 2, "end": "do)").value();
  EXPECT_EQ(cut.stages.size(), 1U);
  EXPECT_FALSE(cut.end);
}

TEST(Timeline, RefusesLinesOfAnotherKind) {
  for (const char* line : {"[]\n", "{}\n",
                           R"({"t": 1, "stage": "nowhere"})"
                           "\n",
                           R"({"stage": "boot"})"
                           "\n",
                           R"({"t": "1", "stage": "boot"})"
                           "\n",
                           R"({"t": 1e999, "stage": "boot"})"
                           "\n",
                           R"({"t": 0e999, "stage": "boot"})"
                           "\n",
                           R"({"t": 1, "end": "well", "words": ""})"
                           "\n"}) {
    const auto timeline = parse_timeline(line);
    ASSERT_FALSE(timeline) << line;
    EXPECT_EQ(timeline.error().fault(), Fault::host);
  }
}

TEST(Stages, AreReadAsTheyAreWritten) {
  for (const Stage stage : kStages) EXPECT_EQ(parse_stage(to_string(stage)), stage);
  EXPECT_EQ(to_string(Stage::second_kernel), "second-kernel");
  EXPECT_EQ(parse_stage("second_kernel"), std::nullopt);
  EXPECT_EQ(parse_outcome("xpass"), Outcome::xpass);
  EXPECT_EQ(parse_outcome("passed"), std::nullopt);
}

}  // namespace
}  // namespace crashpath
