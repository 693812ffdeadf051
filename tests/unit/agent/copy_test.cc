#include "guestimages/agent/copy.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/file.h"

namespace crashpath {
namespace {

class CopyTest : public testing::Test {
 protected:
  CopyTest()
      : directory_(std::filesystem::path(testing::TempDir()) / ("copy_test." + std::to_string(getpid()))) {
    std::filesystem::create_directories(directory_);
  }
  ~CopyTest() override { std::filesystem::remove_all(directory_); }

  std::uint64_t copy(const std::string& content, bool blank) {
    EXPECT_TRUE(write_file(directory_ / "vmcore", content));
    const auto disk = open_file(directory_ / "disk", O_RDWR | O_CREAT | O_TRUNC).value();
    std::uint64_t last = 0;
    const auto bytes =
        copy_vmcore(directory_ / "vmcore", disk.get(), blank, [&](std::uint64_t done, std::uint64_t total) {
          EXPECT_GT(done, last);
          EXPECT_EQ(total, content.size());
          last = done;
        });
    EXPECT_EQ(last, content.size());
    return bytes.value();
  }
  std::string disk() const { return read_file(directory_ / "disk").value(); }

  std::filesystem::path directory_;
};

std::string sparse_memory() {
  std::string memory;
  memory.resize(9'000'001);
  memory[70'000] = 'a';
  memory[5'000'000] = 'b';
  memory.back() = 'c';
  return memory;
}

TEST_F(CopyTest, CopiesEveryByte) {
  const std::string memory = sparse_memory();
  EXPECT_EQ(copy(memory, false), memory.size());
  EXPECT_EQ(disk(), memory);
}

TEST_F(CopyTest, LeavesZerosOutOnABlankDisk) {
  const std::string memory = sparse_memory();
  EXPECT_EQ(copy(memory, true), memory.size());
  EXPECT_EQ(disk(), memory);
  struct stat status {};
  ASSERT_EQ(::stat((directory_ / "disk").c_str(), &status), 0);
  EXPECT_LT(status.st_blocks * 512, 1'000'000);
}

TEST_F(CopyTest, PastTheCacheTheLastBlockIsFilledUp) {
  const std::string memory = sparse_memory();
  ASSERT_TRUE(write_file(directory_ / "vmcore", memory));
  ASSERT_TRUE(write_file(directory_ / "disk", ""));
  const auto disk = open_disk(directory_ / "disk").value();
  EXPECT_EQ(copy_vmcore(directory_ / "vmcore", disk.get(), false, [](auto, auto) {}).value(), memory.size());
  const bool direct = (::fcntl(disk.get(), F_GETFL) & O_DIRECT) != 0;  // not every file system can
  const std::string written = this->disk();
  EXPECT_EQ(written.size(), direct ? (memory.size() + 4095) / 4096 * 4096 : memory.size());
  EXPECT_EQ(written.substr(0, memory.size()), memory);
}

TEST_F(CopyTest, FailsWithoutASource) {
  EXPECT_FALSE(copy_vmcore("/no/such", -1, true, {}));
}

}  // namespace
}  // namespace crashpath
