#include "guestimages/agent/vmcore.h"

#include <elf.h>
#include <gmock/gmock.h>

#include <cstring>

#include "harness/base/file.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

std::string corpus(const char* name) {
  return read_file(std::string(CRASHPATH_TESTS_DIR "/corpus/agent/") + name).value();
}

/// The real headers with one field of the ELF header changed.
template <class Field>
std::string changed(Field Elf64_Ehdr::*field, Field value) {
  std::string bytes = corpus("vmcore-headers-arm64.bin");
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.*field = value;
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

TEST(VmcoreHeaders, OfRealCaptureKernelsEndWhereTheFirstSegmentBegins) {
  for (const char* name : {"vmcore-headers-arm64.bin", "vmcore-headers-pseries.bin"}) {
    const std::string bytes = corpus(name);
    EXPECT_EQ(first_segment_offset(bytes).value(), bytes.size()) << name;
    const auto read = read_vmcore_headers(std::string(CRASHPATH_TESTS_DIR "/corpus/agent/") + name).value();
    EXPECT_EQ(read.bytes, bytes);
    EXPECT_EQ(read.segments_at, bytes.size());
  }
}

TEST(VmcoreHeaders, AreRefusedWhereTheyPointOutside) {
  const std::string real = corpus("vmcore-headers-arm64.bin");
  EXPECT_FALSE(first_segment_offset(real.substr(0, 10)));
  EXPECT_FALSE(first_segment_offset(real.substr(0, 100)));
  EXPECT_FALSE(first_segment_offset(changed<Elf64_Off>(&Elf64_Ehdr::e_phoff, ~0ULL)));
  EXPECT_FALSE(first_segment_offset(changed<Elf64_Off>(&Elf64_Ehdr::e_phoff, real.size() - 8)));
  EXPECT_FALSE(first_segment_offset(changed<Elf64_Half>(&Elf64_Ehdr::e_phnum, 0xFFFE)));
  EXPECT_FALSE(first_segment_offset(changed<Elf64_Half>(&Elf64_Ehdr::e_phentsize, 57)));
}

TEST(VmcoreHeaders, AreRefusedWithoutASegment) {
  const auto none = first_segment_offset(changed<Elf64_Half>(&Elf64_Ehdr::e_phnum, 0));
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message(), HasSubstr("no PT_LOAD"));
}

TEST(VmcoreHeaders, AreRefusedWhereTheSegmentsBeginFarAway) {
  std::string bytes = corpus("vmcore-headers-arm64.bin");
  for (std::size_t at = sizeof(Elf64_Ehdr); at < sizeof(Elf64_Ehdr) + 6 * sizeof(Elf64_Phdr);
       at += sizeof(Elf64_Phdr)) {
    const Elf64_Off far = 1ULL << 40;
    std::memcpy(bytes.data() + at + offsetof(Elf64_Phdr, p_offset), &far, sizeof far);
  }
  const auto offset = first_segment_offset(bytes);
  ASSERT_FALSE(offset);
  EXPECT_THAT(offset.error().message(), HasSubstr("the headers are 1099511627776 bytes"));
}

TEST(VmcoreHeaders, AreRefusedInAnotherFormat) {
  EXPECT_FALSE(first_segment_offset(std::string(4096, 'K')));
  EXPECT_FALSE(read_vmcore_headers("/dev/null"));
}

}  // namespace
}  // namespace crashpath
