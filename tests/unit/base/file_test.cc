#include "harness/base/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>

namespace crashpath {
namespace {

using testing::HasSubstr;

class FileTest : public testing::Test {
 protected:
  FileTest()
      : directory_(std::filesystem::path(testing::TempDir()) / ("file_test." + std::to_string(getpid()))) {
    std::filesystem::create_directories(directory_);
  }
  ~FileTest() override { std::filesystem::remove_all(directory_); }
  std::filesystem::path directory_;
};

TEST_F(FileTest, WriteThenRead) {
  ASSERT_TRUE(write_file(directory_ / "a", "one"));
  ASSERT_TRUE(write_file(directory_ / "a", "two"));
  EXPECT_EQ(read_file(directory_ / "a").value(), "two");
}

TEST_F(FileTest, ReadOfWhatIsNotThereNamesIt) {
  const auto result = read_file(directory_ / "missing");
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), HasSubstr("missing: No such file"));
}

// RLIMIT_FSIZE is the full disk that a test can have without privilege: write(2) fails half-way.
TEST_F(FileTest, AFailedWriteKeepsTheOldFileAndLeavesNoTemporary) {
  ASSERT_TRUE(write_file(directory_ / "results.json", "old"));
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{1000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const auto result = write_file(directory_ / "results.json", std::string(5000, 'x'));
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), HasSubstr("results.json: File too large"));
  EXPECT_EQ(read_file(directory_ / "results.json").value(), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 1);
}

}  // namespace
}  // namespace crashpath
