#include <gmock/gmock.h>

#include "tests/unit/checks/run_check.h"

namespace crashpath {
namespace {

class SecondKernel : public testing::TestWithParam<const char*> {};

TEST_P(SecondKernel, PassesOnRealTrials) {
  const TrialCopy trial(GetParam());
  for (const char* check : {"second-kernel.alive", "second-kernel.is-kdump", "second-kernel.release-matches",
                            "second-kernel.memory-in-reservation"})
    EXPECT_THAT(run_check(trial, check), Passes()) << check;
}

INSTANTIATE_TEST_SUITE_P(Trials, SecondKernel,
                         testing::Values("arm64-6.12", "pseries-6.12", "pseries-6.1",
                                         "arm64-6.1-bad-headers"));

/// The agent of the second kernel never speaks.
void silence_second_agent(TrialCopy& trial) {
  trial.keep_lines("agent.jsonl", [](const std::string& line) {
    return line.find(R"("kernel": "second")") == std::string::npos;
  });
}

TEST(SecondKernelAlive, FailsWhenTheAgentIsSilentThoughTheConsoleBoots) {
  TrialCopy trial("arm64-6.12");
  silence_second_agent(trial);
  const CheckResult result = run_check(trial, "second-kernel.alive");
  EXPECT_THAT(result, FailsWith("its agent never speaks; its console ends with"));
  EXPECT_THAT(result.evidence, testing::StartsWith("console-second.log:"));
}

TEST(SecondKernelAlive, FailsWhenTheConsoleIsSilentThoughTheAgentSpeaks) {
  TrialCopy trial("arm64-6.12");
  trial.remove("console-second.log");
  EXPECT_THAT(run_check(trial, "second-kernel.alive"), FailsWith("the witnesses disagree"));
}

TEST(SecondKernelAlive, FailsWhenNothingCameAfterTheCrash) {
  TrialCopy trial("arm64-6.12");
  silence_second_agent(trial);
  trial.remove("console-second.log");
  EXPECT_THAT(run_check(trial, "second-kernel.alive"),
              FailsWith("nothing on its console, nothing from its agent"));
}

TEST(SecondKernelIsKdump, FailsWithoutCoreHeader) {
  TrialCopy trial("pseries-6.12");
  trial.set_guest_file("second", "/proc/cmdline", "console=hvc0 panic=-1 nr_cpus=1 reset_devices\n");
  EXPECT_THAT(run_check(trial, "second-kernel.is-kdump"), FailsWith("no elfcorehdr"));
}

TEST(SecondKernelIsKdump, FailsForAKernelThatAPlainKexecStarted) {
  TrialCopy trial("pseries-6.12");
  trial.edit_messages([](boost::json::object& message) { message["kernel"] = "first"; });
  EXPECT_THAT(run_check(trial, "second-kernel.is-kdump"), FailsWith("started by a plain kexec"));
}

TEST(SecondKernelReleaseMatches, FailsForAnotherKernel) {
  TrialCopy trial("arm64-6.12");
  trial.edit_messages([](boost::json::object& message) {
    if (message.at("kernel") == "second" && message.at("type") == "hello")
      message["release"] = "6.1.0-50-arm64";
  });
  EXPECT_THAT(run_check(trial, "second-kernel.release-matches"), FailsWith("6.1.0-50-arm64"));
}

TEST(SecondKernelReleaseMatches, FailsWhenTheConsoleSaysAnotherRelease) {
  TrialCopy trial("arm64-6.12");
  trial.replace("console-second.log", "Linux version 6.12.95+deb12-arm64",
                "Linux version 6.12.90+deb12-arm64");
  const CheckResult result = run_check(trial, "second-kernel.release-matches");
  EXPECT_THAT(result, FailsWith("'6.12.90+deb12-arm64' on its console"));
  EXPECT_EQ(result.evidence, "console-second.log:2");
}

TEST(SecondKernelMemory, FailsForRamOutsideOfTheReservation) {
  TrialCopy trial("arm64-6.12");
  trial.set_guest_file("second", "/proc/iomem",
                       "40000000-401fffff : System RAM\n4e600000-5a5fffff : System RAM\n");
  EXPECT_THAT(run_check(trial, "second-kernel.memory-in-reservation"),
              FailsWith("outside are 0x40000000-0x401fffff"));
}

TEST(SecondKernelMemory, FailsForAPseriesKernelThatHasMoreThanItsReservation) {
  TrialCopy trial("pseries-6.12");
  trial.set_guest_file("second", "/proc/meminfo", "MemTotal:         480000 kB\n");
  EXPECT_THAT(run_check(trial, "second-kernel.memory-in-reservation"), FailsWith("MemTotal 468.8 MiB"));
  trial.set_guest_file("second", "/proc/meminfo", "MemTotal:         180000 kB\n");
  trial.set_guest_file("second", "/proc/iomem", "00000000-2fffffff : System RAM\n");
  EXPECT_THAT(run_check(trial, "second-kernel.memory-in-reservation"),
              FailsWith("System RAM 0x0-0x2fffffff"));
}

TEST(SecondKernelMemory, FailsWithoutReservationAndWithoutPrivilege) {
  TrialCopy trial("arm64-6.12");
  trial.set_guest_file("first", "/proc/iomem", "40000000-6c43ffff : System RAM\n");
  EXPECT_THAT(run_check(trial, "second-kernel.memory-in-reservation"),
              FailsWith("the first kernel has none"));
  trial.set_guest_file("first", "/proc/iomem", "00000000-00000000 : System RAM\n");
  EXPECT_THAT(run_check(trial, "second-kernel.memory-in-reservation"), FailsWith("without privilege"));
}

}  // namespace
}  // namespace crashpath
