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

}  // namespace
}  // namespace crashpath
