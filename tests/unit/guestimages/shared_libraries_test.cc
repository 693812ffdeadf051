#include "guestimages/initramfs/shared_libraries.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "harness/base/file.h"

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace fs = std::filesystem;

/// NEEDED_PROGRAM needs libneeded_first.so, which needs libneeded_second.so; its loader is
/// /lib64/ld-fixture.so.
class SharedLibrariesTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(make_directories(directory_ / "root/usr/lib/some-triplet"));
    ASSERT_TRUE(make_directories(directory_ / "root/lib"));
    fs::copy(NEEDED_FIRST, directory_ / "root/usr/lib/some-triplet/libneeded_first.so");
    fs::copy(NEEDED_SECOND, directory_ / "root/lib/libneeded_second.so");
    fs::copy(NEEDED_SECOND, directory_ / "root/lib/ld-fixture.so");
  }
  void TearDown() override { fs::remove_all(directory_); }
  auto find() const { return find_shared_libraries({NEEDED_PROGRAM}, directory_ / "root", "some-triplet"); }
  fs::path directory_ = fs::path(testing::TempDir()) / ("shared_libraries." + std::to_string(getpid()));
};

TEST_F(SharedLibrariesTest, WhatAProgramAsksOfTheLoader) {
  const DynamicNeeds needs = dynamic_needs(NEEDED_PROGRAM).value();
  EXPECT_EQ(needs.interpreter, "/lib64/ld-fixture.so");
  EXPECT_THAT(needs.libraries, ElementsAre("libneeded_first.so"));
  EXPECT_EQ(dynamic_needs(NEEDED_FIRST).value().interpreter, "");
  EXPECT_THAT(dynamic_needs(NEEDED_SECOND).value().libraries, IsEmpty());
}

TEST_F(SharedLibrariesTest, LibrariesOfLibrariesAndTheLoader) {
  EXPECT_THAT(
      find().value(),
      ElementsAre(testing::Pair("lib/libneeded_first.so",
                                directory_ / "root/usr/lib/some-triplet/libneeded_first.so"),
                  testing::Pair("lib/libneeded_second.so", directory_ / "root/lib/libneeded_second.so"),
                  testing::Pair("lib64/ld-fixture.so", directory_ / "root/lib/ld-fixture.so")));
}

TEST_F(SharedLibrariesTest, ALinkOutOfThePackageIsNotFollowed) {
  fs::rename(directory_ / "root/lib/libneeded_second.so", directory_ / "elsewhere.so");
  fs::create_symlink(directory_ / "elsewhere.so", directory_ / "root/lib/libneeded_second.so");
  EXPECT_FALSE(find());
}

TEST_F(SharedLibrariesTest, AMissingLibraryIsNamedWithWhoNeedsIt) {
  fs::remove(directory_ / "root/lib/libneeded_second.so");
  const auto found = find();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().fault(), Fault::host);
  EXPECT_THAT(found.error().message(), HasSubstr("libneeded_first.so needs libneeded_second.so"));
}

TEST_F(SharedLibrariesTest, WhatIsNoElfFileIsRefused) {
  ASSERT_TRUE(write_file(directory_ / "script", "#!/bin/sh\n"));
  EXPECT_FALSE(dynamic_needs(directory_ / "script"));
  ASSERT_TRUE(write_file(directory_ / "short", read_file(NEEDED_PROGRAM).value().substr(0, 70)));
  const auto cut = dynamic_needs(directory_ / "short");
  EXPECT_TRUE(!cut || cut->libraries.empty());
}

}  // namespace
}  // namespace crashpath
