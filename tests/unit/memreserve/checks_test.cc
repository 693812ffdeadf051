#include "memreserve/checks.h"

#include <fmt/format.h>

#include <fstream>

#include "harness/base/file.h"
#include "harness/evidence/core_headers.h"
#include "harness/evidence/saved_memory.h"
#include "harness/evidence/vmcore.h"
#include "tests/unit/checks/run_check.h"

namespace crashpath {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// A chain of three kernels: CPU0 and, late, CPU1; a kexec; CPU0 and, late, CPU2; a crash on CPU2.
constexpr const char* kTrial = "arm64-6.12-memreserve";
constexpr std::uint64_t kListPage = 0x401c6000;

CheckResult run(const TrialCopy& trial, std::string_view name, const CheckParameters& parameters = {}) {
  return run_check(trial, name, parameters, register_memreserve_checks);
}

/// Changes 64 bits of the guest's memory in the recorded dump.
void write_memory(const TrialCopy& trial, std::uint64_t address, std::uint64_t value) {
  const std::string dump = read_file(trial.path("vmcore")).value();
  const CoreHeaders headers = parse_core_headers(std::as_bytes(std::span(dump))).value();
  for (const auto& segment : headers.segments) {
    if (!segment.physical.contains(Range{address, address + 8})) continue;
    std::fstream file(trial.path("vmcore"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(segment.file_offset + address - segment.physical.begin));
    for (int i = 0; i < 8; ++i) file.put(static_cast<char>(value >> (8 * i)));
    return;
  }
  FAIL() << "not in the dump";
}
std::uint64_t entry(unsigned index) {
  return kListPage + 16 + index * 16;
}

const std::vector<const char*> kChecks = {
    "memreserve.list-well-formed", "memreserve.every-table-reserved-once",
    "memreserve.redistributors-use-reservations", "memreserve.second-kernel-honours", "memreserve.model"};

TEST(MemreserveChecks, PassForAHealthyChain) {
  const TrialCopy trial(kTrial);
  for (const char* check : kChecks) EXPECT_THAT(run(trial, check), Passes()) << check;
}

TEST(MemreserveChecks, AreASkipWhereThereIsNothingToReserve) {
  for (const auto& [from, to, why] :
       {std::tuple{"\"gic_version\":\"3\"", "\"gic_version\":\"2\"", "GICv2"},
        std::tuple{"\"its\":true", "\"its\":false", "ITS"},
        std::tuple{"\"firmware\":true", "\"firmware\":false", "UEFI"},
        std::tuple{"\"arch\":\"arm64\"", "\"arch\":\"pseries\"", "only arm64"}}) {
    TrialCopy trial(kTrial);
    trial.replace("trial.json", from, to);
    const CheckResult result = run(trial, "memreserve.every-table-reserved-once");
    EXPECT_EQ(result.outcome, Outcome::skip) << why;
    EXPECT_THAT(result.got, HasSubstr(why));
  }
}

TEST(MemreserveChecks, FailWhereTheListIsNotThere) {
  TrialCopy trial(kTrial);
  trial.remove("vmcore");
  for (const char* check : {"memreserve.list-well-formed", "memreserve.every-table-reserved-once",
                            "memreserve.redistributors-use-reservations"})
    EXPECT_THAT(run(trial, check), FailsWith("the memreserve list cannot be read")) << check;
  EXPECT_THAT(run(trial, "memreserve.host-and-vmcore-agree"), FailsWith("no dump was captured"));
}

TEST(MemreserveChecks, AMissingReservationIsNoticedByAllWhoLook) {
  const TrialCopy trial(kTrial);
  write_memory(trial, entry(2), 0x50000000);  // CPU1's table of kernel 0 is no longer on the list
  EXPECT_THAT(run(trial, "memreserve.list-well-formed"), Passes());
  EXPECT_THAT(run(trial, "memreserve.every-table-reserved-once"),
              FailsWith("redistributor 1's pending table 0x40220000-0x4022ffff is reserved 0 times"));
  EXPECT_THAT(run(trial, "memreserve.redistributors-use-reservations"),
              FailsWith("redistributor 1 uses pending table 0x40220000, which is not reserved"));
  EXPECT_THAT(run(trial, "memreserve.model"),
              FailsWith("redistributor 1's pending table 0x40220000: expected 1, got 0"));
}

TEST(MemreserveChecks, ACpuThatCameUpWhileTheCrashWasOnItsWayNeedNotBeReserved) {
  TrialCopy trial(kTrial);
  // The stage began before CPU2, whose table has the last entry, came up.
  trial.replace("timeline.jsonl", "8.3207562939E1", "8.2E1");
  write_memory(trial, kListPage, 255 | std::uint64_t{3} << 32);
  for (const char* check : {"memreserve.every-table-reserved-once",
                            "memreserve.redistributors-use-reservations", "memreserve.model"})
    EXPECT_THAT(run(trial, check), Passes()) << check;
}

TEST(MemreserveChecks, ATableThatIsReservedTwiceIsNoticed) {
  const TrialCopy trial(kTrial);
  write_memory(trial, entry(2), 0x40210000);
  EXPECT_THAT(run(trial, "memreserve.list-well-formed"), FailsWith("is reserved twice"));
  EXPECT_THAT(run(trial, "memreserve.every-table-reserved-once"),
              FailsWith("redistributor 0's pending table 0x40210000-0x4021ffff is reserved 2 times"));
}

TEST(MemreserveChecks, EntriesOfOthersHaveToBeExpected) {
  const TrialCopy trial(kTrial);
  write_memory(trial, kListPage, 255 | std::uint64_t{5} << 32);
  write_memory(trial, entry(4), 0x50000000);
  write_memory(trial, entry(4) + 8, 0x1000);
  EXPECT_THAT(run(trial, "memreserve.every-table-reserved-once"), FailsWith("1 entries are of no table"));
  EXPECT_THAT(run(trial, "memreserve.every-table-reserved-once", {{"extra", std::int64_t{1}}}), Passes());
}

TEST(MemreserveChecks, AnEntryOutsideOfMemoryIsNoticed) {
  const TrialCopy trial(kTrial);
  write_memory(trial, entry(1), 0x9000000);
  EXPECT_THAT(run(trial, "memreserve.list-well-formed"),
              FailsWith("0x9000000-0x900ffff (entry 1 of the page at 0x401c6000) is not in memory"));
}

TEST(MemreserveChecks, ARedistributorWithAnotherTableIsNoticed) {
  TrialCopy trial(kTrial);
  trial.replace("device-state-second-kernel.json", "\"gicr_pendbaser\":\"0x40220780\"",
                "\"gicr_pendbaser\":\"0x40210780\"");
  EXPECT_THAT(run(trial, "memreserve.redistributors-use-reservations"),
              FailsWith("redistributors 0 and 1 share pending table 0x40210000"));
  EXPECT_THAT(
      run(trial, "memreserve.model"),
      FailsWith(
          "redistributor 1 at moment second-kernel: GICR_PENDBASER: expected 0x40220000, got 0x40210000"));
  EXPECT_THAT(run(trial, "memreserve.second-kernel-honours"), FailsWith("redistributor 1 had LPIs enabled"));
}

TEST(MemreserveChecks, WithoutTheDevicesStateTheRedistributorsCannotBeJudged) {
  TrialCopy trial(kTrial);
  trial.remove("device-state-armed.json");
  trial.remove("device-state-second-kernel.json");
  EXPECT_THAT(run(trial, "memreserve.redistributors-use-reservations"), FailsWith("no state of the devices"));
}

TEST(MemreserveChecks, ASecondKernelThatAllocatesAnewIsNoticed) {
  TrialCopy trial(kTrial);
  trial.replace("console-second.log", "CPU0: using reserved LPI pending table @0x0000000046e20000",
                "CPU0: using allocated LPI pending table @0x0000000051000000");
  EXPECT_THAT(run(trial, "memreserve.second-kernel-honours"),
              FailsWith("crash kernel does not say that CPU0 uses its reserved pending table"));
  EXPECT_THAT(run(trial, "memreserve.model"),
              FailsWith("crash kernel, CPU0: uses: expected a reserved pending table, "
                        "got an allocated pending table"));
}

TEST(MemreserveChecks, ATableThatTheNextKernelTakesForFreeMemoryIsNoticed) {
  TrialCopy trial(kTrial);
  trial.replace("agent.jsonl", "  40200000-4022ffff : reserved", "  40200000-4021ffff : reserved");
  EXPECT_THAT(
      run(trial, "memreserve.second-kernel-honours"),
      FailsWith("kernel 1 has 0x40220000-0x4022ffff of an LPI table as memory of its own in /proc/iomem"));
}

TEST(MemreserveChecks, AWarningOfTheSecondKernelIsNoticed) {
  const TrialCopy trial(kTrial);
  std::ofstream(trial.path("console-second.log"), std::ios::app)
      << "    20.000 [    0.000000] GICv3: CPU0: Booted with LPIs enabled, memory probably corrupted\n";
  EXPECT_THAT(run(trial, "memreserve.second-kernel-honours"), FailsWith("memory probably corrupted"));
  EXPECT_THAT(run(trial, "memreserve.model"), FailsWith("booted with LPIs enabled: expected no, got yes"));
}

TEST(MemreserveChecks, AHotplugStateThatShouldBeGoneOrThereIsNoticed) {
  TrialCopy trial(kTrial);
  trial.replace("agent.jsonl", "irqchip/arm/gicv3/memreserve:online", "irqchip/arm/gicv3/another:online");
  EXPECT_THAT(run(trial, "memreserve.model"),
              FailsWith("hotplug state memreserve:online: expected registered, got gone"));
}

TEST(MemreserveChecks, ATableThatChangesWhileLpisAreEnabledIsNoticed) {
  const TrialCopy trial(kTrial);
  std::ofstream(trial.path("trace.log"), std::ios::app)
      << "gicv3_redist_write GICv3 redistributor 0x1 write: offset 0x78 data 0x51000000 size 8 secure 0\n";
  EXPECT_THAT(run(trial, "memreserve.model"),
              FailsWith("redistributor 1: GICR_PENDBASER: expected not written while LPIs are enabled"));
}

TEST(MemreserveChecks, NoReportMeansNoPrediction) {
  TrialCopy trial(kTrial);
  trial.replace("agent.jsonl", "/sys/devices/system/cpu/possible", "/nowhere");
  EXPECT_THAT(run(trial, "memreserve.model"),
              FailsWith("there is no report of /sys/devices/system/cpu/possible"));
}

/// What the host would have saved of the guest's memory: the list, as the dump has it.
void save_list(const TrialCopy& trial) {
  const Evidence evidence(trial.directory());
  const Vmcore& dump = *evidence.vmcore().value();
  const std::vector<Range> pages = {{kListPage, kListPage + 0x1000}, {0x76099000, 0x7609a000}};
  save_memory(trial.path("memory-armed.elf"), dump, pages, "aarch64", dump.vmcoreinfo()).value();
}

TEST(MemreserveChecks, ADumpWithAnotherListThanTheHostSawIsNoticed) {
  const TrialCopy trial(kTrial);
  EXPECT_THAT(run(trial, "memreserve.host-and-vmcore-agree"), FailsWith("the host saved no memory"));
  save_list(trial);
  EXPECT_THAT(run(trial, "memreserve.host-and-vmcore-agree"), Passes());
  write_memory(trial, entry(3), 0x50000000);
  EXPECT_THAT(run(trial, "memreserve.host-and-vmcore-agree"),
              FailsWith("memory-armed.elf has 0x46e20000-0x46e2ffff 1 times, vmcore has it 0 times"));
}

TEST(MemreserveChecks, ATableThatWasReservedOnTheWayToTheCrashIsInTheDumpAlone) {
  TrialCopy trial(kTrial);
  write_memory(trial, kListPage, 255 | std::uint64_t{3} << 32);
  save_list(trial);
  write_memory(trial, kListPage, 255 | std::uint64_t{4} << 32);
  EXPECT_THAT(run(trial, "memreserve.host-and-vmcore-agree"),
              FailsWith("memory-armed.elf has 3 entries on 1 page, vmcore has 4 entries on 1 page"));
  // With CPU2 coming up when the crash is on its way.
  trial.replace("timeline.jsonl", "8.3207562939E1", "8.2E1");
  EXPECT_THAT(run(trial, "memreserve.host-and-vmcore-agree"), Passes());
  // What was there before has to be there still.
  write_memory(trial, entry(0), 0x50000000);
  EXPECT_THAT(run(trial, "memreserve.host-and-vmcore-agree"), FailsWith("1 times, vmcore has it 0 times"));
}

TEST(MemreserveChecks, OneKernelAloneHonoursNothing) {
  TrialCopy trial("arm64-6.12");
  trial.remove("console-second.log");
  trial.keep_lines("agent.jsonl",
                   [](const std::string& line) { return line.find("\"second\"") == std::string::npos; });
  EXPECT_THAT(run(trial, "memreserve.second-kernel-honours"), FailsWith("no second kernel has booted"));
}

TEST(MemreserveChecks, WithoutTheProbeNoContextIsKnown) {
  EXPECT_THAT(run(TrialCopy(kTrial), "memreserve.callback-may-sleep"), FailsWith("said nothing"));
}

}  // namespace
}  // namespace crashpath
