#include <fmt/format.h>
#include <gmock/gmock.h>

#include "harness/base/file.h"
#include "harness/evidence/page_hashes.h"
#include "tests/unit/checks/run_check.h"

namespace crashpath {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kCheck = "memory.unchanged-outside";

/// Somebody writes to a page after the crash.
void change_page(const TrialCopy& trial, std::uint64_t address) {
  const auto file = trial.path("memory-captured.pagehash");
  PageHashes hashes = read_page_hashes(file).value();
  hashes.hashes.at((address - hashes.ram_base) / kHashedPageSize) ^= 0x10;
  write_page_hashes(file, hashes).value();
}

TEST(MemoryUnchanged, SaysWhoChangedPagesOfAnArm64Guest) {
  const CheckResult result = run_check(TrialCopy("arm64-6.12-moments"), kCheck);
  EXPECT_THAT(result, Passes());
  EXPECT_THAT(
      result.got,
      AllOf(HasSubstr("224902 equal"), HasSubstr("37241 changed (crash kernel's reservation; "),
            HasSubstr("1 changed (LPI tables: the GIC's and the second kernel's; 0x40200000-0x40200fff)"),
            HasSubstr("0 changed that nobody may write to")));
}

TEST(MemoryUnchanged, SaysWhoChangedPagesOfAPseriesGuest) {
  const CheckResult result = run_check(TrialCopy("pseries-6.12-moments"), kCheck);
  EXPECT_THAT(result, Passes());
  EXPECT_THAT(result.got, AllOf(HasSubstr("9 changed (first 64 KiB: "), HasSubstr("0x0-0xfff, 0x8000-0xffff"),
                                HasSubstr("changed (VPAs: the hypervisor's; 0x28a0000-0x28a0fff")));
}

TEST(MemoryUnchanged, FailsForOnePageOfTheCrashedKernelAndSaysWhereItIs) {
  const TrialCopy trial("arm64-6.12-moments");
  change_page(trial, 0x70123000);
  change_page(trial, 0x70124000);
  EXPECT_THAT(run_check(trial, kCheck),
              FailsWith("2 changed that nobody may write to: 0x70123000-0x70124fff; the first is in "));
}

TEST(MemoryUnchanged, NamesTheInnermostEntryOfIomem) {
  TrialCopy trial("pseries-6.12-moments");
  change_page(trial, 0x5000000);
  EXPECT_THAT(run_check(trial, kCheck), FailsWith("the first is in System RAM 0x0-0x3fffffff"));
  trial.set_guest_file("first", "/proc/iomem",
                       "00000000-3fffffff : System RAM\n  04000000-05ffffff : Kernel data\n"
                       "  20000000-2fffffff : Crash kernel\n");
  EXPECT_THAT(run_check(trial, kCheck), FailsWith("the first is in Kernel data 0x4000000-0x5ffffff"));
}

TEST(MemoryUnchanged, TakesWhatAScenarioAllows) {
  const TrialCopy trial("arm64-6.12-moments");
  change_page(trial, 0x70123000);
  const auto allow = [&trial](const std::string& range) {
    return run_check(trial, kCheck, {{"allowed", std::vector<std::string>{range}}});
  };
  EXPECT_THAT(allow("0x70123000-0x70123fff"), Passes());
  EXPECT_THAT(allow("0x70124000-0x70124fff"), FailsWith("1 changed that nobody may write to"));
  for (const char* wrong :
       {"", "-", "0x1000", "0x2000-0x1000", "0x1000-0x2000 ", "x-y", "0-ffffffffffffffff"})
    EXPECT_THAT(allow(wrong), FailsWith("is no range of addresses")) << wrong;
}

TEST(MemoryUnchanged, AVpaThatIsNotRegisteredExcusesNoPage) {
  TrialCopy trial("pseries-6.12-moments");
  trial.replace("device-state-crash.json", "\"0x28a0800\"", "\"0x28b0800\"");
  EXPECT_THAT(run_check(trial, kCheck), FailsWith("0x28a0000-0x28a0fff"));
}

TEST(MemoryUnchanged, OnlyTablesOfTheGicExcuseItsWrites) {
  TrialCopy trial("arm64-6.12-moments");
  trial.replace("device-state-crash.json", "\"0x4020078f\"", "\"0x4120078f\"");
  EXPECT_THAT(run_check(trial, kCheck), Passes()) << "the console names the table, too";
  trial.replace("console-first.log", "LPI property table @0x0000000040200000",
                "LPI property table @0x0000000041200000");
  EXPECT_THAT(run_check(trial, kCheck), FailsWith("1 changed that nobody may write to: 0x40200000"));
}

TEST(MemoryUnchanged, IsSkippedWithTheReasonWhereTheMachineCannotRecord) {
  for (const char* file : {"device-state-crash.json", "memory-crash.pagehash"}) {
    TrialCopy trial("arm64-6.12-moments");
    trial.remove(file);
    EXPECT_THAT(run_check(trial, kCheck), FailsWith(file)) << "missing without a reason";
    write_file(
        trial.path("moments.jsonl"),
        fmt::format("garbage\n{{\"moment\":\"crash\",\"lacking\":{{\"{}\":\"no such machine\"}}}}\n", file))
        .value();
    const CheckResult result = run_check(trial, kCheck);
    EXPECT_EQ(result.outcome, Outcome::skip);
    EXPECT_THAT(result.got, HasSubstr("no such machine"));
  }
}

TEST(MemoryUnchanged, FailsForTheMemoryOfAnotherGuestAndForUnknownMoments) {
  const TrialCopy trial("arm64-6.12-moments");
  const TrialCopy other("pseries-6.12-moments");
  EXPECT_THAT(run_check(trial, kCheck, {{"from", std::string("dawn")}}), FailsWith("\"dawn\" is no moment"));
  std::filesystem::copy_file(other.path("memory-captured.pagehash"), trial.path("memory-captured.pagehash"),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(run_check(trial, kCheck), FailsWith("is not of one guest"));
}

TEST(MemoryUnchanged, FailsWhenNothingIsEqual) {
  const TrialCopy trial("arm64-6.12-moments");
  const auto file = trial.path("memory-captured.pagehash");
  PageHashes hashes = read_page_hashes(file).value();
  for (auto& hash : hashes.hashes) hash ^= 0x20;
  write_page_hashes(file, hashes).value();
  EXPECT_THAT(run_check(trial, kCheck, {{"allowed", std::vector<std::string>{"0x0-0xffffffffffff"}}}),
              FailsWith("0 equal"));
}

}  // namespace
}  // namespace crashpath
