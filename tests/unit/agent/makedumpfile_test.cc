#include "guestimages/agent/makedumpfile.h"

#include <gmock/gmock.h>

#include <boost/endian/conversion.hpp>
#include <map>

namespace crashpath {
namespace {

using testing::HasSubstr;

std::string big_endian(std::uint64_t number) {
  std::string bytes(8, '\0');
  boost::endian::store_big_u64(reinterpret_cast<unsigned char*>(bytes.data()), number);
  return bytes;
}
std::string header() {
  std::string bytes = std::string("makedumpfile\0\0\0\0", 16) + big_endian(1) + big_endian(1);
  bytes.resize(4096, '\0');
  return bytes;
}
std::string record(std::uint64_t offset, std::string_view data) {
  return big_endian(offset) + big_endian(data.size()) + std::string(data);
}
std::string end() {
  return big_endian(~0ULL) + big_endian(~0ULL);
}

class FlattenedTest : public testing::Test {
 protected:
  FlattenedReader reader_{[this](std::uint64_t offset, std::string_view data) -> Result<> {
    if (disk_.size() < offset + data.size()) disk_.resize(offset + data.size(), '.');
    disk_.replace(offset, data.size(), data);
    return {};
  }};
  std::string disk_;
};

TEST_F(FlattenedTest, PutsPiecesWhereTheyBelong) {
  ASSERT_TRUE(reader_.append(header() + record(0, "head") + record(10, "tail") + record(2, "AD") + end()));
  EXPECT_EQ(disk_, "heAD......tail");
  EXPECT_EQ(reader_.length(), 14U);
  EXPECT_EQ(reader_.written(), 10U);
  EXPECT_TRUE(reader_.complete());
}

TEST_F(FlattenedTest, TakesAStreamByteByByte) {
  const std::string stream = header() + record(0, "abc") + record(3, "") + record(3, "def") + end();
  for (const char byte : stream) ASSERT_TRUE(reader_.append(std::string(1, byte)));
  EXPECT_EQ(disk_, "abcdef");
  EXPECT_TRUE(reader_.complete());
}

TEST_F(FlattenedTest, IsNotCompleteWithoutTheEndMark) {
  ASSERT_TRUE(reader_.append(header() + record(0, "abc")));
  EXPECT_FALSE(reader_.complete());
}

TEST_F(FlattenedTest, RefusesWhatIsNotFlattened) {
  const auto result = reader_.append(std::string(5000, 'K'));
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), HasSubstr("not in its flattened format"));
}

TEST_F(FlattenedTest, RefusesImpossiblePlaces) {
  EXPECT_FALSE(reader_.append(header() + big_endian(1ULL << 63) + big_endian(1)));
  FlattenedReader other([](std::uint64_t, std::string_view) -> Result<> { return {}; });
  EXPECT_FALSE(other.append(header() + big_endian(1) + big_endian(~0ULL >> 1)));
}

// What makedumpfile 1.7.2 said in Debian 12's capture kernels of 6.12.
TEST(MakedumpfileRefusal, IsSeenInWhatItSaysOfAKernelItDoesNotKnow) {
  EXPECT_TRUE(
      refused_by_makedumpfile("calculate_plat_config: PAGE SIZE 0x1000 and VA Bits 52 not supported\n"
                              "get_machdep_info_arm64: Can't determine platform config values\n\n"
                              "makedumpfile Failed.\n"));
  EXPECT_TRUE(refused_by_makedumpfile(
      "The kernel version is not supported.\n"
      "The makedumpfile operation may be incomplete.\n"
      "readpage_elf: Attempt to read non-existent page at 0xc000000000000.\n"
      "create_2nd_bitmap: Can't exclude unnecessary pages.\n\nmakedumpfile Failed.\n"));
}

TEST(MakedumpfileRefusal, IsNotADumpThatCannotBeRead) {
  EXPECT_FALSE(
      refused_by_makedumpfile("read_from_vmcore: Can't seek the dump memory(/proc/vmcore). (offset: "
                              "ffff800030cc6000) Invalid argument\nmakedumpfile Failed.\n"));
  EXPECT_FALSE(refused_by_makedumpfile(""));
}

TEST(MakedumpfileProgress, IsTheLastOneShown) {
  EXPECT_EQ(makedumpfile_progress(
                "The kernel version is not supported.\n"
                "\rChecking for memory holes                         : [100.0 %] |                  "
                "\rCopying data                                      : [  8.4 %] /          eta: 1m2s"),
            "Copying data: 8.4 %");
  EXPECT_EQ(makedumpfile_progress("The kernel version is not supported.\n"), "");
  EXPECT_EQ(makedumpfile_progress(" %]"), "");
}

}  // namespace
}  // namespace crashpath
