#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/file.h"
#include "harness/machine/libvirt/files.h"

namespace crashpath::libvirt {
namespace {

namespace fs = std::filesystem;

class LocalFilesTest : public testing::Test {
 protected:
  ~LocalFilesTest() override {
    fs::remove_all(directory_);
    fs::remove(elsewhere_);
  }
  std::string make_disk(HostFiles& files) const {
    std::string disk = files.create("disk", 3 << 20).value();
    const auto fd = open_file(disk, O_WRONLY).value();
    EXPECT_EQ(::pwrite(fd.get(), "late", 4, 2 << 20), 4);
    return disk;
  }
  static std::string expected() {
    std::string bytes(3 << 20, '\0');
    return bytes.replace(2 << 20, 4, "late");
  }

  fs::path directory_ = fs::path(testing::TempDir()) / ("local_files_test." + std::to_string(::getpid()));
  fs::path elsewhere_ = fs::path("/dev/shm") / ("local_files_test." + std::to_string(::getpid()));
};

TEST_F(LocalFilesTest, ADiskIsFetchedFromAnotherFileSystemToo) {
  const auto files = make_local_files(directory_, static_cast<uid_t>(-1)).value();
  const std::string disk = make_disk(*files);
  const auto fetched = files->fetch("disk", elsewhere_);
  ASSERT_TRUE(fetched) << fetched.error().to_string();
  EXPECT_EQ(read_file(elsewhere_).value(), expected());
  EXPECT_FALSE(fs::exists(disk));
}

TEST_F(LocalFilesTest, OfADiskThatCannotBeFetchedNothingIsLeft) {
  const auto files = make_local_files(directory_, static_cast<uid_t>(-1)).value();
  EXPECT_FALSE(files->fetch("no-disk", elsewhere_));
  EXPECT_FALSE(fs::exists(elsewhere_));
}

}  // namespace
}  // namespace crashpath::libvirt
