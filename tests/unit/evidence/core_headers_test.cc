#include "harness/evidence/core_headers.h"

#include <elf.h>
#include <gmock/gmock.h>

#include "harness/base/file.h"
#include "harness/evidence/evidence.h"
#include "tests/corpus/trial_copy.h"

namespace crashpath {
namespace {

TEST(CoreHeaders, OfARealArm64Guest) {
  const TrialCopy trial("arm64-6.12");
  const Evidence evidence(trial.directory());
  const CoreHeaders& headers = *evidence.vmcore_headers().value();
  EXPECT_EQ(headers.machine, EM_AARCH64);
  ASSERT_EQ(headers.segments.size(), 5U);
  EXPECT_EQ(headers.segments[0].physical, (Range{0x5e000000, 0x60b20000}));
  EXPECT_EQ(headers.segments[0].virtual_address, 0xffff800080000000U);
  EXPECT_EQ(headers.segments[1].physical, (Range{0x40000000, 0x4e600000}));
  EXPECT_EQ(count_prstatus(headers.notes), 4U);
  EXPECT_EQ(headers.notes.back().name, "VMCOREINFO");
  EXPECT_THAT(headers.notes.back().content, testing::StartsWith("OSRELEASE=6.12.95+deb12-arm64\n"));
}

TEST(CoreHeaders, OfARealGuestWhoseHeadersAreNonsense) {
  const TrialCopy trial("arm64-6.1-bad-headers");
  const Evidence evidence(trial.directory());
  const LoadSegment& image = evidence.vmcore_headers().value()->segments.at(0);
  EXPECT_EQ(image.physical, (Range{0x80005d400000, UINT64_MAX}));
  EXPECT_EQ(image.memory_size, 0xffff80000a140000U);
}

TEST(CoreHeaders, BuildIdOfSysKernelNotes) {
  const TrialCopy trial("pseries-6.12");
  const Evidence evidence(trial.directory());
  const auto notes = parse_notes(evidence.guest_bytes(Kernel::first, "/sys/kernel/notes").value()).value();
  EXPECT_EQ(build_id(notes), "58eaf5e82a39c5835fad93463d174273e1b7e603");
  EXPECT_EQ(count_prstatus(notes), 0U);
  EXPECT_EQ(build_id({}), std::nullopt);
}

TEST(CoreHeaders, CutOffAnywhereTheyAreAnErrorOrWhole) {
  const TrialCopy trial("pseries-6.12");
  const std::string dump = read_file(trial.path("vmcore")).value().substr(0, 20'000);
  const auto bytes = std::as_bytes(std::span(dump));
  const std::size_t segments = parse_core_headers(bytes).value().segments.size();
  EXPECT_GT(segments, 10U);
  for (std::size_t size = 0; size < bytes.size(); size += 97) {
    const auto headers = parse_core_headers(bytes.first(size));
    EXPECT_TRUE(!headers || headers->segments.size() == segments) << size;
  }
  EXPECT_FALSE(parse_core_headers(bytes.first(5000)));
}

TEST(CoreHeaders, RefuseOtherFiles) {
  EXPECT_FALSE(parse_core_headers({}));
  const std::string text =
      "KDUMP   not an ELF file at all, but long enough for a header of one, or so it seems";
  EXPECT_FALSE(parse_core_headers(std::as_bytes(std::span(text))));
  EXPECT_FALSE(read_core_headers("/proc/self/exe"));  // an ELF file, but no core
}

TEST(Notes, RefuseSizesThatDoNotFit) {
  std::string note(12, '\0');
  EXPECT_TRUE(parse_notes(note).value().empty());  // the empty one that ends a CPU's notes
  note[0] = 4;
  EXPECT_FALSE(parse_notes(note));
  note[0] = note[1] = note[2] = note[3] = '\xff';
  EXPECT_FALSE(parse_notes(note));
  EXPECT_FALSE(parse_notes("short"));
}

}  // namespace
}  // namespace crashpath
