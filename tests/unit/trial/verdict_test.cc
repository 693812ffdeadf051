#include "harness/trial/verdict.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

#include "harness/trial/excuse.h"

namespace crashpath {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kCrash = "[trigger]\nkind = \"sysrq-c\"\n";

Check check(std::string name, std::function<Result<CheckResult>()> come_to) {
  return {
      .name = std::move(name),
      .summary = "what it is about",
      .run = [come_to = std::move(come_to)](const Evidence&, const CheckParameters&) { return come_to(); }};
}

CheckRegistry known_checks() {
  CheckRegistry registry;
  registry.add(check("x.pass", [] { return CheckResult::pass("1", "1", "vmcore"); }));
  registry.add(check("x.fail", [] { return CheckResult::fail("1", "2", "vmcore"); }));
  registry.add(check("x.skip", [] { return CheckResult::skip("no vmcore on this planet"); }));
  registry.add(check("x.unread", []() -> Result<CheckResult> { return Error::host("cannot read vmcore"); }));
  registry.add(check("x.lacks", []() -> Result<CheckResult> { return Error(Fault::lacks, "no BTF"); }));
  registry.add(check("x.bug", []() -> Result<CheckResult> { throw std::out_of_range("array::at"); }));
  registry.add(check("x.rude", [] { return CheckResult::fail("1", "\x1b[2J\xff", ""); }));
  return registry;
}

class Judging : public testing::Test {
 protected:
  Judging() : directory_(testing::TempDir() + "/judging-" + std::to_string(::getpid())) {
    std::filesystem::create_directories(directory_);
    timeline({"image", "boot", "arm", "crash", "handover", "second-kernel", "capture", "verify"},
             R"({"t": 20, "end": "done", "words": ""})");
  }
  ~Judging() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& file, const std::string& text) { std::ofstream(directory_ / file) << text; }
  void timeline(const std::vector<std::string>& stages, const std::string& end) {
    std::string text;
    int seconds = 0;
    for (const auto& stage : stages) {
      text += "{\"t\": " + std::to_string(seconds) + ", \"stage\": \"" + stage + "\"}\n";
      seconds += 2;
    }
    write("timeline.jsonl", text + end + "\n");
  }
  static std::string expect(const std::vector<std::string>& checks) {
    std::string text;
    for (const auto& name : checks) text += "[[expect]]\ncheck = \"" + name + "\"\n";
    return text;
  }
  Verdict judged(const std::string& scenario) {
    const auto parsed =
        parse_scenario("name = \"a.b\"\nsummary = \"s\"\n" + scenario, "x.toml", known_checks());
    EXPECT_TRUE(parsed) << parsed.error().to_string();
    return judge(Evidence(directory_), *parsed, known_checks(), known_);
  }

  std::filesystem::path directory_;
  KnownIssues known_;
};

TEST_F(Judging, PassesWhenTheEndWasReachedAndEveryCheckPassed) {
  const Verdict verdict = judged(kCrash + expect({"x.pass", "x.skip"}));
  EXPECT_EQ(verdict.outcome, Outcome::pass);
  EXPECT_EQ(verdict.stage, Stage::verify);
  EXPECT_EQ(verdict.words, "");
  EXPECT_EQ(verdict.seconds, 20);
  EXPECT_EQ(verdict.entered.at(Stage::arm), 4);
  EXPECT_EQ(verdict.durations().at(Stage::verify), 6);
  EXPECT_EQ(verdict.checks.size(), 2u);
}

TEST_F(Judging, FailsWithTheWordsOfTheFirstFailedCheck) {
  const Verdict verdict = judged(kCrash + expect({"x.pass", "x.fail"}));
  EXPECT_EQ(verdict.outcome, Outcome::fail);
  EXPECT_EQ(verdict.stage, Stage::verify);
  EXPECT_EQ(verdict.words, "x.fail: expected 1, got 2");
}

TEST_F(Judging, CountsEvidenceThatCannotBeReadAsAFailedCheck) {
  const Verdict verdict = judged(kCrash + expect({"x.pass", "x.unread"}));
  EXPECT_EQ(verdict.outcome, Outcome::fail);
  EXPECT_EQ(verdict.checks[1].result.outcome, Outcome::fail);
  EXPECT_EQ(verdict.checks[1].result.got, "cannot read vmcore");
}

TEST_F(Judging, SkipsACheckForWhatTheGuestDoesNotHave) {
  const Verdict verdict = judged(kCrash + expect({"x.lacks"}));
  EXPECT_EQ(verdict.outcome, Outcome::skip);
  EXPECT_EQ(verdict.checks[0].result.outcome, Outcome::skip);
  EXPECT_EQ(verdict.checks[0].result.got, "no BTF");
}

TEST_F(Judging, NeverPassesOnChecksThatWereNotMade) {
  const Verdict verdict = judged(kCrash + expect({"x.skip"}));
  EXPECT_EQ(verdict.outcome, Outcome::skip);
  EXPECT_THAT(verdict.words, HasSubstr("no vmcore on this planet"));
}

TEST_F(Judging, TakesABrokenCheckForOurErrorButAFailureBesideItForAFailure) {
  const Verdict broken = judged(kCrash + expect({"x.pass", "x.bug"}));
  EXPECT_EQ(broken.outcome, Outcome::error);
  EXPECT_THAT(broken.words, AllOf(HasSubstr("x.bug"), HasSubstr("array::at")));
  EXPECT_EQ(judged(kCrash + expect({"x.bug", "x.fail"})).outcome, Outcome::fail);
}

TEST_F(Judging, RunsAFamilyWithoutThoseThatAreNamedOnTheirOwn) {
  const Verdict verdict = judged(kCrash + expect({"x.*", "x.pass"}));
  std::vector<std::string> names;
  for (const auto& each : verdict.checks) names.push_back(each.name);
  EXPECT_THAT(names, ElementsAre("x.fail", "x.skip", "x.unread", "x.lacks", "x.bug", "x.rude", "x.pass"));
}

TEST_F(Judging, KeepsWhatAGuestSaysPrintable) {
  const Verdict verdict = judged(kCrash + expect({"x.rude"}));
  EXPECT_EQ(verdict.checks[0].result.got, "?");
  EXPECT_EQ(verdict.words, "x.rude: expected 1, got ?");
}

TEST_F(Judging, FailsWhereTheGuestDidNotGetFurther) {
  timeline({"image", "boot", "arm", "crash", "handover"},
           R"({"t": 99, "end": "guest", "words": "no sign of life"})");
  const Verdict verdict = judged(kCrash + expect({"x.pass"}));
  EXPECT_EQ(verdict.outcome, Outcome::fail);
  EXPECT_EQ(verdict.stage, Stage::handover);
  EXPECT_EQ(verdict.words, "no sign of life");
  EXPECT_EQ(verdict.seconds, 99);
  ASSERT_EQ(verdict.checks.size(), 1u);
  EXPECT_EQ(verdict.checks[0].result.outcome, Outcome::skip);
  EXPECT_EQ(verdict.checks[0].result.got, "the trial ended in stage handover");
}

TEST_F(Judging, SaysWhatTheCpusOfAGuestThatHangsDo) {
  timeline({"image", "boot", "arm", "crash", "handover"},
           R"({"t": 99, "end": "guest", "words": "no sign of life"})");
  write("vcpus-hang.json", R"({"arch":"arm64","samples":[{"vcpus":[{"cpu":0,"registers":{"pc":"0x10"}}]}],)"
                           R"("symbols":{"0x10":"cpu_park_loop+0x4"}})");
  const Verdict verdict = judged(kCrash + expect({"x.pass"}));
  EXPECT_EQ(verdict.words, "no sign of life; CPU 0 is in cpu_park_loop");
  EXPECT_THAT(verdict.vcpus, ElementsAre("CPU 0: cpu_park_loop+0x4"));
  EXPECT_EQ(Verdict::from_json(verdict.to_json()).value().vcpus, verdict.vcpus);
  write("vcpus-hang.json", R"({"arch":"arm64","lacking":"QEMU is gone"})");
  EXPECT_EQ(judged(kCrash + expect({"x.pass"})).words,
            "no sign of life; what its CPUs did is not known: QEMU is gone");
}

TEST_F(Judging, SaysWhoseFaultItIs) {
  timeline({"image", "boot"}, R"({"t": 3, "end": "host", "words": "QEMU was killed by signal 9"})");
  EXPECT_EQ(judged(kCrash + expect({"x.pass"})).outcome, Outcome::error);
  timeline({"image"}, R"({"t": 0, "end": "lacks", "words": "this arm64 machine has no nmi"})");
  const Verdict lacks = judged(kCrash + expect({"x.pass"}));
  EXPECT_EQ(lacks.outcome, Outcome::skip);
  EXPECT_EQ(lacks.words, "this arm64 machine has no nmi");
}

TEST_F(Judging, TakesATrialWithoutAnEndForAKilledHarness) {
  timeline({"image", "boot", "arm"}, "");
  write("timeline.jsonl",
        "{\"t\": 0, \"stage\": \"image\"}\n{\"t\": 1, \"stage\": \"boot\"}\n{\"t\": 2, \"sta");
  const Verdict verdict = judged(kCrash + expect({"x.pass"}));
  EXPECT_EQ(verdict.outcome, Outcome::error);
  EXPECT_EQ(verdict.stage, Stage::boot);
  EXPECT_THAT(verdict.words, HasSubstr("the harness was ended before the trial"));
}

TEST_F(Judging, IsAnErrorWithoutATimeline) {
  std::filesystem::remove(directory_ / "timeline.jsonl");
  const Verdict verdict = judged(kCrash + expect({"x.pass"}));
  EXPECT_EQ(verdict.outcome, Outcome::error);
  EXPECT_THAT(verdict.words, HasSubstr("timeline.jsonl"));
}

TEST_F(Judging, IsAnErrorWhenDoneContradictsTheStages) {
  timeline({"image", "boot", "arm", "crash", "verify"}, R"({"t": 20, "end": "done", "words": ""})");
  const Verdict verdict = judged(kCrash + expect({"x.pass"}));
  EXPECT_EQ(verdict.outcome, Outcome::error);
  EXPECT_THAT(verdict.words, HasSubstr("stage capture was never entered"));
}

TEST_F(Judging, AsksOnlyForTheStagesOfTheScenario) {
  timeline({"image", "boot", "arm", "verify"}, R"({"t": 20, "end": "done", "words": ""})");
  EXPECT_EQ(judged(expect({"x.pass"})).outcome, Outcome::pass);
  timeline({"image", "boot", "arm", "crash", "handover", "second-kernel", "verify"},
           R"({"t": 20, "end": "done", "words": ""})");
  EXPECT_EQ(judged("[trigger]\nkind = \"kexec\"\n" + expect({"x.pass"})).outcome, Outcome::pass);
  EXPECT_EQ(judged("[capture]\ncapture = false\n" + kCrash + expect({"x.pass"})).outcome, Outcome::pass);
}

const std::string kEnds = "[ends]\nstage = \"arm\"\nwords = \"not reserved|no memory\"\n";

TEST_F(Judging, PassesWhereAScenarioEndsAsItShould) {
  timeline({"image", "boot", "arm"}, R"({"t": 9, "end": "guest", "words": "kexec: Memory is not reserved"})");
  const Verdict verdict = judged(kCrash + kEnds);
  EXPECT_EQ(verdict.outcome, Outcome::pass);
  EXPECT_EQ(verdict.stage, Stage::arm);
  EXPECT_EQ(verdict.words, "kexec: Memory is not reserved");
  EXPECT_EQ(judged(kCrash + kEnds + expect({"x.pass", "x.skip"})).outcome, Outcome::pass);
  EXPECT_EQ(judged(kCrash + kEnds + expect({"x.fail"})).outcome, Outcome::fail);
}

TEST_F(Judging, FailsWhereAScenarioEndsElsewhere) {
  timeline({"image", "boot", "arm"}, R"({"t": 9, "end": "guest", "words": "Segmentation fault"})");
  EXPECT_THAT(judged(kCrash + kEnds).words, HasSubstr("is not in the words: Segmentation fault"));
  EXPECT_EQ(judged(kCrash + kEnds).outcome, Outcome::fail);
  timeline({"image", "boot"}, R"({"t": 9, "end": "guest", "words": "not reserved"})");
  EXPECT_THAT(judged(kCrash + kEnds).words,
              HasSubstr("ended in stage boot, but should have ended in stage arm"));
}

TEST_F(Judging, FailsWhereAScenarioShouldHaveEndedEarlier) {
  const Verdict verdict = judged(kCrash + kEnds);
  EXPECT_EQ(verdict.outcome, Outcome::fail);
  EXPECT_THAT(verdict.words, HasSubstr("should have ended in stage arm"));
}

TEST_F(Judging, AHostErrorIsNeverTheEndThatWasAskedFor) {
  timeline({"image", "boot", "arm"}, R"({"t": 9, "end": "host", "words": "not reserved"})");
  EXPECT_EQ(judged(kCrash + kEnds).outcome, Outcome::error);
}

TEST_F(Judging, ReadsTheScenarioOutOfTheTrial) {
  boost::json::object trial{
      {"arch", "pseries"},
      {"kernel", {{"release", "6.1.0"}}},
      {"scenario_text", "name = \"a.b\"\nsummary = \"s\"\n" + kCrash + expect({"x.fail"})}};
  write("trial.json", boost::json::serialize(trial));
  KnownIssue issue;
  issue.scenario = "a.*";
  issue.architecture = "pseries";
  issue.reason = "known";
  issue.expires = "2030-01-01";
  known_.issues.push_back(issue);
  known_.today = "2029-01-01";
  const auto verdict = judge_directory(directory_, known_checks(), known_);
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->outcome, Outcome::xfail);
  EXPECT_EQ(verdict->known_issue, "known");
}

TEST_F(Judging, RefusesADirectoryThatIsNoTrial) {
  const auto verdict = judge_directory(directory_, known_checks(), known_);
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().fault(), Fault::usage);
}

/// Verdicts of trials that were recorded with real guests.
Verdict judge_recorded(const std::string& name) {
  CheckRegistry checks;
  checks.add(check("second-kernel.alive", [] { return CheckResult::pass("1", "1", ""); }));
  const auto verdict =
      judge_directory(std::string(CRASHPATH_TESTS_DIR) + "/corpus/trials/" + name, checks, {});
  EXPECT_TRUE(verdict) << verdict.error().to_string();
  return *verdict;
}

TEST(JudgingRecordedTrials, ComesToTheVerdictThatTheGuestEarned) {
  const Verdict good = judge_recorded("pseries-6.1");
  EXPECT_EQ(good.outcome, Outcome::pass) << good.words;
  EXPECT_NEAR(good.durations().at(Stage::second_kernel), 11.13, 0.01);
  const Verdict bad = judge_recorded("arm64-6.1-bad-headers");
  EXPECT_EQ(bad.outcome, Outcome::fail);
  EXPECT_EQ(bad.stage, Stage::capture);
  EXPECT_EQ(bad.words, "the second kernel could not read /proc/vmcore");
}

class Excusing : public testing::Test {
 protected:
  Excusing() {
    issue_.scenario = "panic.*";
    issue_.architecture = "pseries";
    issue_.kernel = "6.1.*";
    issue_.stage = Stage::verify;
    issue_.reason = "reason";
    issue_.expires = "2030-01-31";
    failed_.outcome = Outcome::fail;
    failed_.stage = Stage::verify;
    failed_.words = "vmcore.ranges: expected 1, got 2";
    failed_.checks = {{"vmcore.ranges", CheckResult::fail("1", "2", "")},
                      {"vmcore.dmesg", CheckResult::pass("", "", "")}};
  }
  Verdict excused(Verdict verdict, const std::string& today = "2029-01-01",
                  const std::string& release = "6.1.0-50") {
    excuse(verdict, {"panic.sysrq", "pseries", release}, {{issue_}, today});
    return verdict;
  }
  KnownIssue issue_;
  Verdict failed_;
};

TEST_F(Excusing, AFailureOfThatKindIsExpected) {
  EXPECT_EQ(excused(failed_).outcome, Outcome::xfail);
  EXPECT_EQ(excused(failed_).known_issue, "reason");
  issue_.checks = {"vmcore.r*"};
  issue_.words = "got [0-9]$";
  EXPECT_EQ(excused(failed_).outcome, Outcome::xfail);
}

TEST_F(Excusing, AnotherFailureIsNot) {
  EXPECT_EQ(excused(failed_, "2029-01-01", "6.12.1").outcome, Outcome::fail);
  issue_.words = "something else";
  EXPECT_EQ(excused(failed_).outcome, Outcome::fail);
  issue_.words = "";
  issue_.checks = {"vmcore.dmesg"};
  EXPECT_EQ(excused(failed_).outcome, Outcome::fail);
  issue_.checks = {};
  issue_.stage = Stage::capture;
  EXPECT_EQ(excused(failed_).outcome, Outcome::fail);
}

TEST_F(Excusing, NothingIsExcusedAfterTheLastDay) {
  EXPECT_EQ(excused(failed_, "2030-01-31").outcome, Outcome::xfail);
  const Verdict late = excused(failed_, "2030-02-01");
  EXPECT_EQ(late.outcome, Outcome::fail);
  EXPECT_THAT(late.words, HasSubstr("a known issue that expired on 2030-01-31: reason"));
}

TEST_F(Excusing, APassIsUnexpectedUnlessItSometimesPasses) {
  Verdict passed;
  passed.outcome = Outcome::pass;
  EXPECT_EQ(excused(passed).outcome, Outcome::xpass);
  EXPECT_EQ(excused(passed, "2030-02-01").outcome, Outcome::pass);
  issue_.sometimes = true;
  EXPECT_EQ(excused(passed).outcome, Outcome::pass);
}

TEST_F(Excusing, ErrorsAndSkipsStayWhatTheyAre) {
  failed_.outcome = Outcome::error;
  EXPECT_EQ(excused(failed_).outcome, Outcome::error);
  failed_.outcome = Outcome::skip;
  EXPECT_EQ(excused(failed_).outcome, Outcome::skip);
}

TEST(VerdictJson, ComesBackAsItWas) {
  Verdict verdict;
  verdict.outcome = Outcome::xfail;
  verdict.stage = Stage::second_kernel;
  verdict.words = "no \"sign\"";
  verdict.entered = {{Stage::boot, 0.125}, {Stage::second_kernel, 3.5}};
  verdict.seconds = 9.25;
  verdict.checks = {{"a.b", {Outcome::fail, "1", "2", "vmcore"}}};
  verdict.known_issue = "reason";
  const auto back = Verdict::from_json(boost::json::parse(boost::json::serialize(verdict.to_json())));
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(back->to_json(), verdict.to_json());
  EXPECT_EQ(back->checks[0].result.evidence, "vmcore");
  EXPECT_EQ(back->durations().at(Stage::boot), 3.375);
}

TEST(VerdictJson, RefusesWhatIsNone) {
  for (const char* text : {"[]", "{}", R"({"outcome": "good"})"}) {
    const auto verdict = Verdict::from_json(boost::json::parse(text));
    EXPECT_FALSE(verdict) << text;
  }
}

}  // namespace
}  // namespace crashpath
