#include "guestimages/agent/kexec_output.h"

#include <gmock/gmock.h>

#include "harness/base/file.h"

namespace crashpath {
namespace {

boost::json::array segments_of(const char* name) {
  return parse_kexec_segments(read_file(std::string(CRASHPATH_TESTS_DIR "/corpus/agent/") + name).value());
}

TEST(KexecSegments, AreReadFromARealArm64Load) {
  const auto segments = segments_of("kexec-debug-arm64.txt");
  ASSERT_EQ(segments.size(), 5U);
  EXPECT_EQ(segments[0], (boost::json::object{{"mem", "0x89e00000"}, {"memsz", "0x2b20000"}}));
  EXPECT_EQ(segments[4].at("memsz"), "0x1000");
}

TEST(KexecSegments, AreReadFromARealPseriesLoad) {
  const auto segments = segments_of("kexec-debug-pseries.txt");
  ASSERT_EQ(segments.size(), 6U);
  EXPECT_EQ(segments[0], (boost::json::object{{"mem", "0x20000000"}, {"memsz", "0x28a0000"}}));
}

TEST(KexecSegments, AreNoneWhereKexecPrintsNone) {
  EXPECT_TRUE(parse_kexec_segments("").empty());
  EXPECT_TRUE(parse_kexec_segments("kexec: load failed.\nsegment[].mem = 0x1\nsegment[x].memsz").empty());
}

TEST(KexecComplaint, IsWhatKexecSaidLast) {
  // Debian 12's kexec -p -d on guests without, and with too small, a reservation.
  EXPECT_EQ(kexec_complaint("Memory for crashkernel is not reserved\n"
                            "Please reserve memory by passing\"crashkernel=Y@X\" parameter to kernel\n"
                            "Then try to loading kdump kernel\n"),
            "Memory for crashkernel is not reserved; Please reserve memory by "
            "passing\"crashkernel=Y@X\" parameter to kernel; Then try to loading kdump kernel");
  EXPECT_EQ(
      kexec_complaint("get memory ranges:2\nsetup_memory_ranges memory_range[1]\n\n"
                      "Could not find a free area of memory of 0x27543d4 bytes...\n"
                      "Base address: 0xffffffffffffffff is not page aligned\n"),
      "setup_memory_ranges memory_range[1]; Could not find a free area of memory of 0x27543d4 bytes...; "
      "Base address: 0xffffffffffffffff is not page aligned");
  EXPECT_EQ(kexec_complaint("one line"), "one line");
  EXPECT_EQ(kexec_complaint("\n\n"), "");
  EXPECT_EQ(kexec_complaint(""), "");
}

}  // namespace
}  // namespace crashpath
