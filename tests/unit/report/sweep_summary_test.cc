#include "harness/report/sweep_summary.h"

#include <gmock/gmock.h>

#include <fstream>

#include "harness/report/signature.h"
#include "tests/corpus/trial_copy.h"
#include "tests/unit/report/sample_results.h"

namespace crashpath {
namespace {

using testing::HasSubstr;
using testing::Not;

Verdict verdict_of(Outcome outcome, Stage stage, std::string words = "") {
  Verdict verdict;
  verdict.outcome = outcome;
  verdict.stage = stage;
  verdict.seconds = 4;
  verdict.words = std::move(words);
  return verdict;
}

void end_with(const TrialCopy& trial, const char* lines) {
  std::ofstream(trial.path("console-second.log")) << lines;
}

TEST(Signature, NamesTheTraceThatTheConsoleEndsWith) {
  TrialCopy trial("arm64-6.12");
  end_with(
      trial,
      "1.0 [    0.1] Call trace:\n1.0 [    0.1]  gic_cpu_init+0x34/0x1f0\n1.0 [    0.1]  "
      "gic_starting_cpu+0x2c/0x48\n"
      "1.0 [    0.1]  cpuhp_invoke_callback+0x170/0x2b8\n1.0 [    0.1]  notify_cpu_starting+0x80/0xd0\n");
  EXPECT_EQ(failure_signature(trial.directory(), verdict_of(Outcome::fail, Stage::second_kernel)),
            "second-kernel; in gic_cpu_init <- gic_starting_cpu <- cpuhp_invoke_callback");
}

TEST(Signature, ATraceThatOtherLinesFollowIsNotTheEnd) {
  TrialCopy trial("arm64-6.12");
  end_with(trial,
           "1.0 [    0.1]  gic_cpu_init+0x34/0x1f0\n1.0 [    0.2] SMP: failed to stop secondary CPUs 0-2\n");
  EXPECT_EQ(failure_signature(trial.directory(), verdict_of(Outcome::fail, Stage::handover)),
            "handover; last line: SMP: failed to stop secondary CPUs #-#");
}

TEST(Signature, NamesASplatOfEitherKernel) {
  TrialCopy trial("arm64-6.12");
  end_with(trial, "1.0 [    0.1] BUG: scheduling while atomic: init/1/0x00000002\n1.0 [    0.2] going on\n");
  EXPECT_THAT(failure_signature(trial.directory(), verdict_of(Outcome::fail, Stage::second_kernel)),
              HasSubstr("second-kernel; BUG: scheduling while atomic: init/#/#; last line: "));
}

TEST(Signature, IsTheSameWhateverTheNumbersAre) {
  TrialCopy one("arm64-6.12"), other("arm64-6.12");
  end_with(one, "1.000000 [    0.123456] Waiting for CPU 3 at 0xffff0001\n");
  end_with(other, "2.000000 [    7.000001] Waiting for CPU 11 at 0xffffab12\n");
  const Verdict hung = verdict_of(Outcome::fail, Stage::second_kernel);
  EXPECT_EQ(failure_signature(one.directory(), hung), "second-kernel; last line: Waiting for CPU # at #");
  EXPECT_EQ(failure_signature(one.directory(), hung), failure_signature(other.directory(), hung));
}

TEST(Signature, OfAVerifiedTrialNamesTheChecksThatFailed) {
  TrialCopy trial("arm64-6.12");
  Verdict verdict = verdict_of(Outcome::fail, Stage::verify);
  verdict.checks = {{"vmcore.readable", CheckResult::pass("", "", "")},
                    {"vmcore.ranges", CheckResult::fail("", "", "")}};
  EXPECT_THAT(failure_signature(trial.directory(), verdict), HasSubstr("verify; vmcore.ranges"));
}

class SweepSummaryTest : public testing::Test {
 protected:
  static TrialResult trial(const std::string& scenario, int repetition, Verdict verdict) {
    TrialResult result = sample_trial(scenario, verdict.outcome, verdict.stage, "");
    result.id = "arm64-6.12-" + scenario + "-" + std::to_string(repetition);
    result.verdict = std::move(verdict);
    return result;
  }
  static SweptPoint point(const char* row, const char* column, const std::string& scenario) {
    return {row, column, "arm64-6.12-" + scenario + "-1"};
  }
  const std::vector<SweptGuest> guests_ = {
      {"arm64 6.12.95",
       {point("57 gic", "teardown", "a"), point("57 gic", "startup", "b"), point("213 wq", "teardown", "c"),
        point("213 wq", "startup", "d")}}};
};

TEST_F(SweepSummaryTest, HasARowAndAColumnForEachPoint) {
  Results results;
  results.trials = {trial("a", 1, verdict_of(Outcome::pass, Stage::verify)),
                    trial("b", 1, verdict_of(Outcome::fail, Stage::handover, "no sign of it")),
                    trial("c", 1, verdict_of(Outcome::skip, Stage::crash, "nothing reached the point"))};
  const std::string text = SweepSummary(guests_, results, "/runs/x").to_terminal(Terminal());
  EXPECT_THAT(text, HasSubstr("          teardown       startup\n"
                              "  57 gic  pass 4.0 s     fail handover\n"
                              "  213 wq  -              not run\n"));
  EXPECT_THAT(text, HasSubstr("- 213 wq, teardown: nothing reached the point\n"));
  EXPECT_THAT(text, HasSubstr("1 failure alike: handover; last line: a silent console\n"));
  EXPECT_THAT(text, HasSubstr("crashpath replay /runs/x/arm64-6.12-b-1\n"));
}

TEST_F(SweepSummaryTest, TellsFlakyFromFirm) {
  const Verdict hung = verdict_of(Outcome::fail, Stage::handover);
  Results results;
  results.trials = {trial("a", 1, hung), trial("b", 1, hung),
                    trial("a", 2, hung), trial("b", 2, verdict_of(Outcome::pass, Stage::verify)),
                    trial("a", 3, hung), trial("b", 3, hung)};
  const SweepSummary summary(guests_, results, "/runs/x");
  const std::string text = summary.to_terminal(Terminal());
  EXPECT_THAT(text, HasSubstr("57 gic, teardown, firm: 3 of 3 alike"));
  EXPECT_THAT(text, HasSubstr("57 gic, startup, flaky: 2 of 3 alike"));
  EXPECT_THAT(text, HasSubstr("2 failures alike: "));
  const auto json = summary.to_json();
  const auto& points = json.at("guests").at(0).at("points").as_array();
  EXPECT_EQ(points.at(1).at("repeated"), 2);
  EXPECT_EQ(points.at(1).at("alike"), 1);
  EXPECT_TRUE(points.at(2).at("outcome").is_null());
}

TEST_F(SweepSummaryTest, ARepetitionThatWasInterruptedDoesNotMakeAFailureFlaky) {
  const Verdict hung = verdict_of(Outcome::fail, Stage::handover);
  Results results;
  results.trials = {trial("a", 1, hung), trial("a", 2, hung),
                    trial("a", 3, verdict_of(Outcome::error, Stage::boot, "interrupted"))};
  EXPECT_THAT(SweepSummary(guests_, results, "/runs/x").to_terminal(Terminal()),
              HasSubstr("57 gic, teardown, firm: 2 of 2 alike"));
}

TEST_F(SweepSummaryTest, FailuresWithOneCauseStandTogetherWhateverTheirNumbersAre) {
  const TrialCopy run("arm64-6.12"), one("arm64-6.12"), same("arm64-6.12"), other("arm64-6.12");
  end_with(one, "1.0 [    0.1] Waiting for CPU 3 at 0xffff0001\n");
  end_with(same, "2.0 [    7.2] Waiting for CPU 11 at 0xffffab12\n");
  end_with(other, "1.0 [    0.1] Waiting for the root device\n");
  SweptGuest guest{"arm64", {}};
  Results results;
  for (const auto& [name, copy] :
       std::map<std::string, const TrialCopy*>{{"one", &one}, {"other", &other}, {"same", &same}}) {
    results.trials.push_back(trial(name, 1, verdict_of(Outcome::fail, Stage::second_kernel, "silent")));
    guest.points.push_back(point(name.c_str(), "startup", name));
    std::filesystem::create_directory_symlink(copy->directory(), run.path(results.trials.back().id));
  }
  const std::string text = SweepSummary({guest}, results, run.directory()).to_terminal(Terminal());
  const auto two = text.find("2 failures alike: second-kernel; last line: Waiting for CPU # at #\n");
  const auto single = text.find("1 failure alike: second-kernel; last line: Waiting for the root device\n");
  ASSERT_NE(two, text.npos) << text;
  ASSERT_NE(single, text.npos) << text;
  const std::string group = text.substr(two, single - two);
  EXPECT_THAT(group, HasSubstr("fail one, startup"));
  EXPECT_THAT(group, HasSubstr("fail same, startup"));
  EXPECT_THAT(group, Not(HasSubstr("fail other, startup")));
}

TEST_F(SweepSummaryTest, LongListsLeaveOutWhatPassed) {
  SweptGuest guest{"arm64", {}};
  Results results;
  for (int i = 0; i < 100; ++i) {
    const std::string name = "f" + std::to_string(i);
    guest.points.push_back(point(name.c_str(), "hit 1", name));
    results.trials.push_back(
        trial(name, 1, verdict_of(i == 42 ? Outcome::fail : Outcome::pass, Stage::handover)));
  }
  const std::string text = SweepSummary({guest}, results, "/runs/x").to_terminal(Terminal());
  EXPECT_THAT(text, HasSubstr("f42"));
  EXPECT_THAT(text, Not(HasSubstr("f41")));
  EXPECT_THAT(text, HasSubstr("and 99 that passed"));
}

}  // namespace
}  // namespace crashpath
