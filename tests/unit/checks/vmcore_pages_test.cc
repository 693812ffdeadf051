#include <fmt/format.h>
#include <gmock/gmock.h>

#include "harness/base/file.h"
#include "harness/evidence/core_headers.h"
#include "harness/evidence/page_hashes.h"
#include "tests/unit/checks/run_check.h"

namespace crashpath {
namespace {

/// Where in an ELF dump the byte at a physical address is.
std::uint64_t file_offset(const TrialCopy& trial, std::uint64_t address) {
  for (const LoadSegment& segment : read_core_headers(trial.path("vmcore")).value().segments) {
    if (segment.physical.begin <= address && address < segment.physical.end)
      return segment.file_offset + address - segment.physical.begin;
  }
  throw std::runtime_error("the dump does not have that page");
}

/// The first page of the dump behind `address`.
std::uint64_t page_behind(const TrialCopy& trial, std::uint64_t address) {
  std::uint64_t first = UINT64_MAX;
  for (const LoadSegment& segment : read_core_headers(trial.path("vmcore")).value().segments) {
    if (segment.physical.begin >= address) first = std::min(first, segment.physical.begin);
  }
  return first;
}

void change_hash(const TrialCopy& trial, std::uint64_t address) {
  const auto file = trial.path("memory-captured.pagehash");
  PageHashes hashes = read_page_hashes(file).value();
  hashes.hashes.at((address - hashes.ram_base) / kHashedPageSize) ^= 1;
  write_page_hashes(file, hashes).value();
}

TEST(VmcorePages, CountsWhatIsComparedAndWhyPagesMayDiffer) {
  const CheckResult result = run_check(TrialCopy("pseries-6.12"), "vmcore.pages-match-memory");
  EXPECT_THAT(result, Passes());
  EXPECT_THAT(
      result.got,
      testing::AllOf(testing::HasSubstr("181 pages of 4 KiB compared: 177 equal"),
                     testing::HasSubstr("12 of them with the backup of the first 64 KiB at 0x128a0000"),
                     testing::HasSubstr("3 excluded (VPA: the hypervisor's"),
                     testing::HasSubstr("1 excluded (inside of the reservation")));
}

TEST(VmcorePages, FailsForOneByteThatDiffers) {
  TrialCopy trial("arm64-6.12");
  const std::uint64_t address = page_behind(trial, 0x68000000);
  trial.flip_byte("vmcore", file_offset(trial, address) + 100);
  EXPECT_THAT(run_check(trial, "vmcore.pages-match-memory"),
              FailsWith(fmt::format("213 equal, 1 different (first at {})",
                                    to_string(Range{address, address + 4096}))));
}

TEST(VmcorePages, FailsForAPageOfTheBackupThatWasNotKept) {
  TrialCopy trial("pseries-6.12");
  trial.flip_byte("vmcore", file_offset(trial, 0x1000));
  const CheckResult result = run_check(trial, "vmcore.pages-match-memory");
  EXPECT_THAT(result, FailsWith("different (first at 0x0-0x1fff"));
}

TEST(VmcorePages, AVpaExcusesNoPageWithoutOne) {
  TrialCopy trial("pseries-6.12");
  const std::uint64_t vpa = file_offset(trial, 0x2fffdc00);
  trial.flip_byte("vmcore", vpa);  // the signature itself
  EXPECT_THAT(run_check(trial, "vmcore.pages-match-memory"),
              FailsWith("1 different (first at 0x2fffd000-0x2fffdfff)"));
}

TEST(VmcorePages, ExcusesTheLpiTablesThatTheConsoleNames) {
  TrialCopy trial("arm64-6.12");
  const std::uint64_t address = page_behind(trial, 0x68000000);
  change_hash(trial, address);
  EXPECT_THAT(run_check(trial, "vmcore.pages-match-memory"), FailsWith("1 different"));
  trial.replace("console-first.log", "GICv3: CPU3: using allocated LPI pending table @0x0000000040240000",
                fmt::format("GICv3: CPU3: using allocated LPI pending table @{:#018x}", address));
  const CheckResult result = run_check(trial, "vmcore.pages-match-memory");
  EXPECT_THAT(result, Passes());
  EXPECT_THAT(result.got, testing::HasSubstr("1 excluded (LPI table: the GIC's"));
}

TEST(VmcorePages, FailsForTheMemoryOfAnotherGuest) {
  TrialCopy trial("arm64-6.12");
  const TrialCopy other("pseries-6.12");
  std::filesystem::copy_file(other.path("memory-captured.pagehash"), trial.path("memory-captured.pagehash"),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(run_check(trial, "vmcore.pages-match-memory"), FailsWith("compared: 0 equal"));
}

TEST(VmcorePages, FailsWithoutHashesOrWithTruncatedOnes) {
  TrialCopy trial("pseries-6.1");
  trial.truncate("memory-captured.pagehash", 1000);
  EXPECT_THAT(run_check(trial, "vmcore.pages-match-memory"),
              FailsWith("memory-captured.pagehash: truncated"));
  trial.remove("memory-captured.pagehash");
  EXPECT_THAT(run_check(trial, "vmcore.pages-match-memory"), FailsWith("memory-captured.pagehash"));
  const std::string lacking = R"({"lacking":{"memory-captured.pagehash":"no view of its memory"}})";
  write_file(trial.path("moments.jsonl"), lacking + "\n").value();
  const CheckResult result = run_check(trial, "vmcore.pages-match-memory");
  EXPECT_EQ(result.outcome, Outcome::skip);
  EXPECT_THAT(result.got, testing::HasSubstr("no view of its memory"));
}

}  // namespace
}  // namespace crashpath
