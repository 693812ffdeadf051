#include <gmock/gmock.h>

#include "tests/unit/checks/run_check.h"

namespace crashpath {
namespace {

class VmcoreChecks : public testing::TestWithParam<const char*> {};

TEST_P(VmcoreChecks, PassOnRealTrials) {
  const TrialCopy trial(GetParam());
  for (const char* check : {"vmcore.format", "vmcore.segments", "vmcore.vmcoreinfo", "vmcore.dmesg",
                            "vmcore.crash-cpu", "vmcore.prstatus", "vmcore.pages-match-memory"})
    EXPECT_THAT(run_check(trial, check), Passes()) << check;
}

INSTANTIATE_TEST_SUITE_P(Trials, VmcoreChecks, testing::Values("arm64-6.12", "pseries-6.12", "pseries-6.1"));

TEST(Vmcore, WithoutADumpNothingPasses) {
  const TrialCopy trial("arm64-6.1-bad-headers");
  EXPECT_EQ(run_check(trial, "vmcore.format").outcome, Outcome::fail);
  for (const char* check : {"vmcore.vmcoreinfo", "vmcore.dmesg", "vmcore.crash-cpu", "vmcore.prstatus",
                            "vmcore.pages-match-memory"})
    EXPECT_THAT(run_check(trial, check), FailsWith("no dump was captured")) << check;
}

TEST(Vmcore, ATruncatedElfDumpPassesNothing) {
  TrialCopy trial("arm64-6.12");
  trial.truncate("vmcore", 200'000);
  for (const char* check : {"vmcore.format", "vmcore.vmcoreinfo", "vmcore.dmesg", "vmcore.crash-cpu",
                            "vmcore.prstatus", "vmcore.pages-match-memory"})
    EXPECT_THAT(run_check(trial, check), FailsWith("vmcore is truncated")) << check;
}

TEST(Vmcore, ATruncatedKdumpDoesNotMatchMemory) {
  TrialCopy trial("pseries-6.1");
  trial.truncate("vmcore.kdump", 350'000);
  EXPECT_THAT(run_check(trial, "vmcore.pages-match-memory"),
              FailsWith("that the dump has in its map but cannot be read"));
  trial.truncate("vmcore.kdump", 100);
  EXPECT_THAT(run_check(trial, "vmcore.format"), FailsWith("libkdumpfile cannot read it"));
}

TEST(VmcoreFormat, FailsForADumpOfAnotherArchitecture) {
  TrialCopy trial("arm64-6.12");
  trial.replace("trial.json", R"("arch": "arm64")", R"("arch": "pseries")");
  EXPECT_THAT(run_check(trial, "vmcore.format"), FailsWith("architecture aarch64"));
}

TEST(VmcoreFormat, SaysThatMakedumpfileRefused) {
  TrialCopy trial("arm64-6.12");
  trial.replace("trial.json", R"("format": "elf")", R"("format": "kdump")");
  const CheckResult result = run_check(trial, "vmcore.format");
  EXPECT_THAT(result, Passes());
  EXPECT_THAT(result.got, testing::HasSubstr("makedumpfile refused"));
}

TEST(VmcoreSegments, FailForTheNonsenseOfARealDump) {
  EXPECT_THAT(run_check(TrialCopy("arm64-6.1-bad-headers"), "vmcore.segments"),
              FailsWith("outside of RAM is the one at physical 0x80005d400000, 0xffff80000a140000 bytes"));
}

TEST(VmcoreSegments, FailForTheIomemOfAnotherGuest) {
  TrialCopy trial("arm64-6.12");
  // A guest with as much memory again: half of it is missing from the dump.
  trial.set_guest_file("first", "/proc/iomem",
                       "40000000-6c43ffff : System RAM\n  4e600000-5a5fffff : Crash kernel\n"
                       "6c730000-6fbfffff : System RAM\n6ffe0000-9fffffff : System RAM\n");
  EXPECT_THAT(run_check(trial, "vmcore.segments"),
              FailsWith("missing are 768 MiB of RAM: 0x70000000-0x9fffffff"));
}

TEST(VmcoreSegments, FailForTheReservationInTheDump) {
  TrialCopy trial("pseries-6.12");
  // The first kernel says it reserved 128 MiB more than the dump leaves out.
  trial.replace("console-first.log", "Reserving 256MB of memory at 256MB",
                "Reserving 384MB of memory at 256MB");
  EXPECT_THAT(run_check(trial, "vmcore.segments"),
              FailsWith("outside of RAM is the one at physical 0x20000000"));
}

TEST(VmcoreSegments, AcceptRtasInTheReservationOnlyWhereRtasIs) {
  TrialCopy trial("pseries-6.12");
  trial.replace("console-first.log", "instantiating rtas at 0x000000001ffff000",
                "instantiating rtas at 0x000000001fff0000");
  EXPECT_THAT(run_check(trial, "vmcore.segments"), FailsWith("physical 0x1ffff000, 0x1000 bytes"));
}

TEST(VmcoreSegments, FailWithoutHeaders) {
  TrialCopy trial("arm64-6.12");
  trial.keep_lines("agent.jsonl",
                   [](const std::string& line) { return line.find("segments_at") == std::string::npos; });
  EXPECT_THAT(run_check(trial, "vmcore.segments"), FailsWith("sent no headers of /proc/vmcore"));
}

TEST(VmcoreVmcoreinfo, FailsForAnotherKernelsBuildId) {
  TrialCopy trial("arm64-6.12");
  trial.replace("agent.jsonl", "b4c0fd99162ec9911080499fc5c45a86cf7520ea",
                "0123456789abcdef0123456789abcdef01234567");
  EXPECT_THAT(run_check(trial, "vmcore.vmcoreinfo"),
              FailsWith("BUILD-ID=b4c0fd99162ec9911080499fc5c45a86cf7520ea"));
}

TEST(VmcoreVmcoreinfo, FailsForAnotherPageSize) {
  TrialCopy trial("pseries-6.12");
  trial.edit_messages([](boost::json::object& message) {
    if (message.contains("page_size")) message["page_size"] = 65536;
  });
  EXPECT_THAT(run_check(trial, "vmcore.vmcoreinfo"), FailsWith("PAGESIZE=4096"));
}

TEST(VmcoreDmesg, FailsForThePanicOfAnotherScenario) {
  EXPECT_THAT(run_check(TrialCopy("arm64-6.12"), "vmcore.dmesg", {{"panic", "Out of memory"}}),
              FailsWith("the panic is not among them"));
}

TEST(VmcoreDmesg, FailsWhenTheConsoleHasALineThatTheDumpLacks) {
  TrialCopy trial("pseries-6.1");
  trial.replace("console-first.log", "--- interrupt: 3000", "--- interrupt: 3001");
  EXPECT_THAT(run_check(trial, "vmcore.dmesg"), FailsWith("on the console, but not in the dump: '["));
}

TEST(VmcoreDmesg, FailsForAnotherRelease) {
  TrialCopy trial("arm64-6.12");
  trial.replace("trial.json", "6.12.95+deb12-arm64", "6.12.90+deb12-arm64");
  EXPECT_THAT(run_check(trial, "vmcore.dmesg"), FailsWith("no such version"));
}

TEST(VmcoreDmesg, FailsWithNothingToCompareWith) {
  TrialCopy trial("arm64-6.12");
  trial.keep_lines("console-first.log", [](const std::string&) { return false; });
  EXPECT_THAT(run_check(trial, "vmcore.dmesg"), FailsWith("no line of the kernel on the first console"));
}

TEST(VmcoreCrashCpu, FailsWhenAnotherCpuWasAskedFor) {
  const CheckResult result =
      run_check(TrialCopy("arm64-6.12"), "vmcore.crash-cpu", {{"cpu", std::int64_t{3}}});
  EXPECT_THAT(result, FailsWith("CPU 1, PID 176 (sh)"));
}

TEST(VmcoreCrashCpu, FailsWhenThatCpusRegistersAreOfAnotherTask) {
  TrialCopy trial("arm64-6.12");
  // Had CPU 0 been offline, the second note would be CPU 2's.
  trial.set_guest_file("first", "/sys/devices/system/cpu/online", "1-4\n");
  EXPECT_THAT(run_check(trial, "vmcore.crash-cpu"), FailsWith("PRSTATUS of CPU 1: PID 0"));
}

TEST(VmcorePrstatus, FailsWhenACpuIsMissing) {
  TrialCopy trial("pseries-6.12");
  trial.set_guest_file("first", "/sys/devices/system/cpu/online", "0-7\n");
  EXPECT_THAT(run_check(trial, "vmcore.prstatus"), FailsWith("4 notes"));
}

/// Says that CPU 3 was offline when the guest crashed.
void take_cpu_3_offline(TrialCopy& trial) {
  trial.set_guest_file("first", "/sys/devices/system/cpu/online", "0-2\n");
  trial.set_guest_file("first", "/sys/devices/system/cpu/present", "0-3\n");
}

TEST(VmcorePrstatus, FailsWhenACpuThatWasOfflineHasRegistersOutsideOfRtas) {
  TrialCopy trial("pseries-6.12");
  take_cpu_3_offline(trial);
  EXPECT_THAT(run_check(trial, "vmcore.prstatus"), FailsWith("4 notes"));
}

TEST(VmcoreCrashCpu, KnowsTheNotesOfCpusThatWereOfflineOnPseriesOnly) {
  TrialCopy pseries("pseries-6.12");
  take_cpu_3_offline(pseries);
  EXPECT_THAT(run_check(pseries, "vmcore.crash-cpu"), Passes());
  TrialCopy arm64("arm64-6.12");
  take_cpu_3_offline(arm64);
  EXPECT_THAT(run_check(arm64, "vmcore.crash-cpu"), FailsWith("which of 4 PRSTATUS notes is its own?"));
}

void set_text(TrialCopy& trial, const char* begin, const char* end) {
  trial.edit_messages([&](boost::json::object& message) {
    if (!message.contains("symbols")) return;
    message.at("symbols").as_object()["_stext"] = begin;
    message.at("symbols").as_object()["_etext"] = end;
  });
}

TEST(VmcorePrstatus, TellsModulesFromWhatIsNoCode) {
  TrialCopy trial("arm64-6.12");
  set_text(trial, "0xffff800000010000", "0xffff800000f40000");  // 2 GiB and more below the program counters
  EXPECT_THAT(run_check(trial, "vmcore.prstatus"), FailsWith("0xffff800080f17a88 which is no code"));
  set_text(trial, "0xffff800081010000", "0xffff800081f40000");  // just above them: they would be modules
  const CheckResult result = run_check(trial, "vmcore.prstatus");
  EXPECT_THAT(result, Passes());
  EXPECT_THAT(result.got, testing::HasSubstr("0xffff800080f17a88 a module"));
}

}  // namespace
}  // namespace crashpath
