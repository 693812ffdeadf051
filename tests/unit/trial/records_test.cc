#include <gmock/gmock.h>

#include "harness/base/file.h"
#include "harness/trial/check.h"
#include "harness/trial/deadlines.h"
#include "harness/trial/known_issues.h"
#include "harness/trial/needs.h"
#include "harness/trial/steps.h"
#include "harness/trial/triggers.h"

namespace crashpath {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> names(const std::vector<const Check*>& checks) {
  std::vector<std::string> all;
  for (const auto* check : checks) all.push_back(check->name);
  return all;
}

TEST(CheckRegistry, FindsByNameAndFamilyInTheOrderOfRegistration) {
  CheckRegistry registry;
  for (const char* name : {"vmcore.b", "kernel.a", "vmcore.a", "vmcorex.a"})
    registry.add(Check{.name = name, .summary = ""});
  EXPECT_THAT(names(registry.match("vmcore.*")), ElementsAre("vmcore.b", "vmcore.a"));
  EXPECT_THAT(names(registry.match("kernel.a")), ElementsAre("kernel.a"));
  EXPECT_THAT(names(registry.match("*")), ElementsAre());
  EXPECT_EQ(registry.find("vmcore.c"), nullptr);
  EXPECT_THROW(registry.add(Check{.name = "kernel.a", .summary = ""}), std::logic_error);
}

TEST(Triggers, TellTheAgentWhatToDo) {
  const auto arguments = [](std::string kind, std::optional<int> cpu) {
    return boost::json::serialize(
        find_trigger(kind)->agent_arguments({.kind = kind, .cpu = cpu, .arguments = {}}));
  };
  EXPECT_EQ(arguments("sysrq-c", 2), R"({"kind":"sysrq-c","cpu":2})");
  EXPECT_EQ(arguments("nmi", std::nullopt), R"({"kind":"wait"})");
  EXPECT_EQ(arguments("panic-in-irq", 1),
            R"({"kind":"panic-in-irq","cpu":1,"module":"crash_context","params":"context=hardirq"})");
}

TEST(Triggers, ImplyWhatTheyNeed) {
  for (const auto& kind : trigger_kinds()) {
    if (!kind.need.empty()) {
      EXPECT_TRUE(parse_need(kind.need)) << kind.name;
    }
    EXPECT_EQ(kind.module.empty(), !kind.need.starts_with("probe:")) << kind.name;
  }
}

TEST(Documentation, NamesEveryStepTriggerAndNeed) {
  const auto text = read_file(CRASHPATH_TESTS_DIR "/../docs/scenarios.md");
  ASSERT_TRUE(text) << text.error().to_string();
  for (const auto& kind : step_kinds()) {
    EXPECT_THAT(*text, HasSubstr("`" + std::string(kind.name) + "`"));
    for (const auto& parameter : kind.parameters) EXPECT_THAT(*text, HasSubstr("`" + parameter.name + "`"));
  }
  for (const auto& kind : trigger_kinds()) EXPECT_THAT(*text, HasSubstr("`" + std::string(kind.name) + "`"));
  for (const auto need : machine_needs())
    EXPECT_THAT(*text, HasSubstr("`machine:" + std::string(need) + "`"));
}

TEST(Deadlines, AreGenerousBeforeBootWasMeasuredAndFollowItAfterwards) {
  Deadlines deadlines("arm64");
  EXPECT_GE(deadlines.budget(Stage::boot), seconds(120));
  EXPECT_GE(deadlines.budget(Stage::second_kernel), seconds(120));
  deadlines.booted_in(seconds(5));
  const auto fast = deadlines.budget(Stage::second_kernel);
  deadlines.booted_in(seconds(40));
  EXPECT_LT(fast, deadlines.budget(Stage::second_kernel));
  EXPECT_EQ(deadlines.budget(Stage::second_kernel), seconds(400));
}

TEST(Deadlines, OfWakingFollowsTheFirstForkAndNotTheBoot) {
  Deadlines deadlines("pseries");
  deadlines.booted_in(seconds(40));
  EXPECT_EQ(deadlines.waking(), seconds(240)) << "nothing is known of it";
  deadlines.woke_in(seconds(2));
  EXPECT_EQ(deadlines.waking(), seconds(60));
  deadlines.woke_in(std::chrono::milliseconds(100));
  EXPECT_EQ(deadlines.waking(), seconds(20)) << "what is that fast is measured badly";
  deadlines.woke_in(seconds(100));
  EXPECT_EQ(deadlines.waking(), seconds(240));
}

TEST(Deadlines, LeaveTimeForTheGuestsOwnWatchdogs) {
  Deadlines deadlines("pseries");
  deadlines.booted_in(seconds(1));
  EXPECT_GE(deadlines.budget(Stage::crash), seconds(60));
}

const std::string kIssue = R"([[issue]]
scenario = "panic.*"
arch = "pseries"
kernel = "6.1.*"
stage = "second-kernel"
words = "no sign of"
reason = "RTAS lock is held for ever"
expires = 2030-01-31
)";

TEST(KnownIssues, AreReadFromToml) {
  const auto known = parse_known_issues(kIssue, "known.toml", "2029-01-01");
  ASSERT_TRUE(known) << known.error().to_string();
  ASSERT_EQ(known->issues.size(), 1u);
  EXPECT_EQ(known->issues[0].stage, Stage::second_kernel);
  EXPECT_EQ(known->issues[0].expires, "2030-01-31");
  EXPECT_EQ(known->today, "2029-01-01");
}

TEST(KnownIssues, MustHaveAReasonAndAnEnd) {
  const auto error_without = [](const std::string& line) {
    std::string text = kIssue;
    const auto at = text.find(line);
    text.erase(at, text.find('\n', at) - at + 1);
    const auto known = parse_known_issues(text, "known.toml", "2029-01-01");
    return known ? "no error" : known.error().message();
  };
  EXPECT_THAT(error_without("expires"), HasSubstr("known.toml:1:1: \"expires\" is missing"));
  EXPECT_THAT(error_without("reason"), HasSubstr("\"reason\" is missing"));
  EXPECT_THAT(error_without("stage"), HasSubstr("\"stage\" is missing"));
}

TEST(KnownIssues, ToKnowTodayIsToKnowADate) {
  EXPECT_THAT(today(), testing::MatchesRegex("20[0-9]+-[0-9]+-[0-9]+"));
}

}  // namespace
}  // namespace crashpath
