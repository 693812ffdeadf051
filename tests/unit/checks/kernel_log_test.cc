#include <gmock/gmock.h>

#include "tests/unit/checks/run_check.h"

namespace crashpath {
namespace {

TEST(KernelTaint, PassesForCleanKernels) {
  for (const char* name : {"arm64-6.12", "pseries-6.12", "pseries-6.1"})
    EXPECT_THAT(run_check(TrialCopy(name), "kernel.taint"), Passes()) << name;
}

TEST(KernelTaint, FailsNamingTheLettersThatAreNotAllowed) {
  TrialCopy trial("arm64-6.12");
  trial.set_guest_file("first", "/proc/sys/kernel/tainted", "12288\n");  // O, E: an unsigned module of ours
  trial.set_guest_file("second", "/proc/sys/kernel/tainted", "512\n");   // W
  EXPECT_THAT(run_check(trial, "kernel.taint"), FailsWith("first kernel OE, second kernel W"));
  EXPECT_THAT(run_check(trial, "kernel.taint", {{"first", "OE"}}), FailsWith("second kernel W"));
  EXPECT_THAT(run_check(trial, "kernel.taint", {{"first", "OE"}, {"second", "W"}}), Passes());
}

TEST(KernelTaint, FailsWithoutTheAgent) {
  TrialCopy trial("arm64-6.12");
  trial.remove("agent.jsonl");
  EXPECT_THAT(run_check(trial, "kernel.taint"), FailsWith("agent.jsonl"));
}

TEST(KernelSplats, PassesWhenThePanicIsAllThereIs) {
  for (const char* name : {"arm64-6.12", "pseries-6.12", "pseries-6.1"})
    EXPECT_THAT(run_check(TrialCopy(name), "kernel.splats"), Passes()) << name;
}

TEST(KernelSplats, FailsForTheOopsOfARealSecondKernel) {
  const TrialCopy trial("arm64-6.1-bad-headers");
  const CheckResult result = run_check(trial, "kernel.splats");
  EXPECT_THAT(result, FailsWith("second kernel: Unable to handle kernel level 3 address size fault"));
  EXPECT_THAT(result.evidence, testing::StartsWith("console-second.log:"));
}

TEST(KernelSplats, AllowsWhatTheScenarioAllows) {
  const TrialCopy trial("arm64-6.1-bad-headers");
  const std::vector<std::string> allowed = {"^Unable to handle kernel level 3 address size fault"};
  EXPECT_THAT(run_check(trial, "kernel.splats", {{"allowed", allowed}}), Passes());
  const std::vector<std::string> broken = {"("};
  EXPECT_THAT(run_check(trial, "kernel.splats", {{"allowed", broken}}), FailsWith("allowed = '('"));
}

TEST(KernelSplats, FailsForAPanicOfTheSecondKernel) {
  TrialCopy trial("pseries-6.12");
  trial.replace("console-second.log", "Run /init as init process",
                "Kernel panic - not syncing: No working init found.");
  EXPECT_THAT(run_check(trial, "kernel.splats"), FailsWith("No working init found"));
}

TEST(KernelPanicMessage, IsNotAskedOfAPreemptRtKernelThatPrintsNone) {
  TrialCopy trial("pseries-6.1");
  trial.replace("console-first.log", "Kernel panic - not syncing", "Kernel p");
  EXPECT_THAT(run_check(trial, "kernel.panic-message"), FailsWith("no panic at all"));
  trial.replace("agent.jsonl", "#1 SMP ", "#1 SMP PREEMPT_RT ");
  EXPECT_EQ(run_check(trial, "kernel.panic-message").outcome, Outcome::skip);
}

TEST(KernelPanicMessage, PassesForTheMessageThatWasAskedFor) {
  const CheckResult result =
      run_check(TrialCopy("pseries-6.1"), "kernel.panic-message", {{"pattern", "sysrq triggered crash$"}});
  EXPECT_THAT(result, Passes());
  EXPECT_EQ(result.got, "Kernel panic - not syncing: sysrq triggered crash");
}

TEST(KernelPanicMessage, FailsForAnotherPanicAndForNone) {
  TrialCopy trial("arm64-6.12");
  EXPECT_THAT(run_check(trial, "kernel.panic-message", {{"pattern", "hung_task: blocked tasks"}}),
              FailsWith("Kernel panic - not syncing: sysrq triggered crash"));
  trial.keep_lines("console-first.log",
                   [](const std::string& line) { return line.find("Kernel panic") == std::string::npos; });
  EXPECT_THAT(run_check(trial, "kernel.panic-message"), FailsWith("no panic at all"));
}

}  // namespace
}  // namespace crashpath
