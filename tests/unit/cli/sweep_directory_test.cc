#include "cli/sweep_directory.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "harness/base/file.h"
#include "harness/evidence/directory.h"

namespace crashpath {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;
namespace json = boost::json;

constexpr const char* kTrial = "arm64-6.12-sweep.cpuhp.57-gic.startup-1";

class SweepDirectoryTest : public testing::Test {
 protected:
  SweepDirectoryTest()
      : directory_(fs::path(testing::TempDir()) / ("sweep_directory_test." + std::to_string(getpid()))) {
    fs::remove_all(directory_);
  }
  ~SweepDirectoryTest() override { fs::remove_all(directory_); }

  /// A trial of the sweep that came to this.
  void leave_trial(std::string_view outcome) {
    fs::create_directories(directory_ / kTrial);
    write_file(directory_ / kTrial / evidence_file::kTrial,
               json::serialize(json::object{{"id", kTrial},
                                            {"arch", "arm64"},
                                            {"scenario", "sweep.cpuhp.57-gic.startup"},
                                            {"repetition", 1},
                                            {"machine", json::object()},
                                            {"kernel",
                                             {{"release", "6.12"},
                                              {"package", "linux-image"},
                                              {"version", "1"},
                                              {"flavour", "arm64"},
                                              {"spec", "6.12"}}}}))
        .value();
    Verdict verdict;
    verdict.stage = Stage::verify;
    json::object about = verdict.to_json();
    about["outcome"] = outcome;
    write_verdict(json::serialize(about));
  }
  void write_verdict(const std::string& text) {
    write_file(directory_ / kTrial / evidence_file::kVerdict, text).value();
  }
  std::optional<TrialResult> take() { return take_known(directory_, kTrial).value(); }
  std::string refusal() {
    const auto sweep = read_sweep(directory_);
    EXPECT_FALSE(sweep);
    if (sweep) return "";
    EXPECT_EQ(sweep.error().fault(), Fault::usage);
    return sweep.error().message();
  }
  void write_sweep_file(std::string_view text) {
    fs::create_directories(directory_);
    write_file(directory_ / "sweep.json", text).value();
  }

  fs::path directory_;
  const std::vector<SweepGuest> guests_ = {
      {"arm64",
       "6.12",
       "6.12.95",
       {{"57 gic", "startup", "sweep.one", "name = \"sweep.one\"\n"},
        {"57 gic", "teardown", "sweep.two", "name = \"sweep.two\"\n"}}},
      {"pseries", "6.12", "6.12.95", {{"a", "b", "sweep.one", "name = \"another\"\n"}}}};
};

TEST_F(SweepDirectoryTest, GoesOnWithThePointsItHad) {
  ASSERT_TRUE(write_sweep(directory_, guests_));
  const auto read = read_sweep(directory_).value();
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].name(), "arm64-6.12.95");
  EXPECT_EQ(read[0].kernel, "6.12");
  ASSERT_EQ(read[0].points.size(), 2U);
  EXPECT_EQ(read[0].points[1].column, "teardown");
  EXPECT_EQ(read[0].points[1].text, "name = \"sweep.two\"\n");
  EXPECT_EQ(read[1].points[0].text, "name = \"another\"\n") << "guests do not share scenarios";
}

TEST_F(SweepDirectoryTest, ATrialWithAVerdictIsNotDoneAgain) {
  for (const char* outcome : {"pass", "fail", "skip"}) {
    leave_trial(outcome);
    const auto known = take();
    ASSERT_TRUE(known) << outcome;
    EXPECT_EQ(to_string(known->verdict.outcome), outcome);
    EXPECT_TRUE(fs::exists(directory_ / kTrial));
  }
}

TEST_F(SweepDirectoryTest, ATrialThatEndedInAnErrorIsDoneAgainAndItsEvidenceIsKept) {
  for (const int number : {1, 2}) {
    leave_trial("error");
    EXPECT_FALSE(take());
    EXPECT_FALSE(fs::exists(directory_ / kTrial));
    EXPECT_TRUE(fs::exists(directory_ / "earlier" / (std::string(kTrial) + "." + std::to_string(number)) /
                           evidence_file::kVerdict));
  }
}

TEST_F(SweepDirectoryTest, ATrialWithoutAVerdictIsDoneAgain) {
  EXPECT_FALSE(take()) << "it never began";
  leave_trial("pass");
  fs::remove(directory_ / kTrial / evidence_file::kVerdict);
  EXPECT_FALSE(take()) << "the sweep was killed";
  for (const char* damaged : {"", "{", "[]", R"({"outcome":"pass"})", R"({"outcome":"splendid"})"}) {
    leave_trial("pass");
    write_verdict(damaged);
    EXPECT_FALSE(take()) << damaged;
    EXPECT_FALSE(fs::exists(directory_ / kTrial));
  }
}

TEST_F(SweepDirectoryTest, SaysWhatIsWrongWithASweepFile) {
  EXPECT_THAT(refusal(), HasSubstr("holds no sweep"));
  ASSERT_TRUE(write_sweep(directory_, guests_));
  const std::string whole = read_file(directory_ / "sweep.json").value();
  write_sweep_file(whole.substr(0, whole.size() / 2));
  EXPECT_THAT(refusal(), HasSubstr("sweep.json is damaged"));
  write_sweep_file("[]");
  EXPECT_THAT(refusal(), HasSubstr("sweep.json is damaged"));
  write_sweep_file(R"({"schema":2,"guests":[]})");
  EXPECT_THAT(refusal(), HasSubstr("made by another crashpath"));
  write_sweep_file(R"({"schema":1,"guests":[7]})");
  EXPECT_THAT(refusal(), HasSubstr("a guest of sweep.json is no object"));
}

TEST_F(SweepDirectoryTest, NamesTheMemberOrFileThatIsMissing) {
  ASSERT_TRUE(write_sweep(directory_, guests_));
  fs::remove(directory_ / "scenarios" / "arm64-6.12.95" / "sweep.two.toml");
  EXPECT_THAT(read_sweep(directory_).error().message(), HasSubstr("sweep.two.toml"));
  write_sweep_file(R"({"schema":1,"guests":[{"arch":"arm64","kernel":"6.12","points":[]}]})");
  EXPECT_THAT(read_sweep(directory_).error().message(), HasSubstr("sweep.json: \"release\" is missing"));
}

}  // namespace
}  // namespace crashpath
