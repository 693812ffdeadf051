#include "guestimages/catalog/kernel_spec.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "harness/base/file.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

TEST(KernelSpecTest, SeriesFlavoursAndPackagesInOneList) {
  const auto specs =
      parse_kernel_specs("6.1,6.12-rt,7.x,6.12-16k,linux-image-6.12.95+deb12-arm64=6.12.95-1~bpo12+1")
          .value();
  ASSERT_EQ(specs.size(), 5U);
  EXPECT_EQ(specs[0].series, "6.1");
  EXPECT_EQ(specs[0].flavour, "");
  EXPECT_EQ(specs[1].series, "6.12");
  EXPECT_EQ(specs[1].flavour, "rt");
  EXPECT_EQ(specs[2].series, "7.x");
  EXPECT_EQ(specs[3].flavour, "16k");
  EXPECT_EQ(specs[4].kind, KernelSpec::Kind::package);
  EXPECT_EQ(specs[4].package, "linux-image-6.12.95+deb12-arm64");
  EXPECT_EQ(specs[4].version, "6.12.95-1~bpo12+1");
  EXPECT_EQ(specs[1].text, "6.12-rt");
}

class KernelPathTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::path(testing::TempDir()) / ("kernel_spec." + std::to_string(getpid()));
    ASSERT_TRUE(make_directories(directory_ / "modules:6.12"));
    ASSERT_TRUE(write_file(directory_ / "Image", "x"));
    ASSERT_TRUE(write_file(directory_ / "config", "x"));
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string in(const char* name) const { return (directory_ / name).native(); }
  std::filesystem::path directory_;
};

TEST_F(KernelPathTest, OptionsInAnyOrderAndColonsInNames) {
  const auto specs =
      parse_kernel_specs(in("Image") + ":config=" + in("config") + ":modules=" + in("modules:6.12") + ",6.1")
          .value();
  ASSERT_EQ(specs.size(), 2U);
  EXPECT_EQ(specs[0].kind, KernelSpec::Kind::path);
  EXPECT_EQ(specs[0].image, directory_ / "Image");
  EXPECT_EQ(specs[0].modules, directory_ / "modules:6.12");
  EXPECT_EQ(specs[0].config, directory_ / "config");
}

TEST_F(KernelPathTest, WhatIsNotThereIsNamed) {
  const auto no_image = parse_kernel_specs(in("vmlinux"));
  ASSERT_FALSE(no_image);
  EXPECT_EQ(no_image.error().fault(), Fault::usage);
  EXPECT_THAT(no_image.error().message(), HasSubstr("there is no file " + in("vmlinux")));
  const auto no_modules = parse_kernel_specs(in("Image") + ":modules=" + in("nowhere"));
  ASSERT_FALSE(no_modules);
  EXPECT_THAT(no_modules.error().message(), HasSubstr("there is no directory " + in("nowhere")));
}

TEST(KernelSpecTest, WhatIsNotUnderstoodSaysWhatIs) {
  for (const char* bad : {"", "six", "6", "6.12,", "6.12-", "-rt", "linux-headers-6.12", "6.12 rt"}) {
    const auto specs = parse_kernel_specs(bad);
    ASSERT_FALSE(specs) << bad;
    EXPECT_EQ(specs.error().fault(), Fault::usage);
    EXPECT_THAT(specs.error().hint(), HasSubstr("6.12-rt")) << bad;
  }
}

TEST(KernelSpecTest, ASeriesIsNoPrefix) {
  EXPECT_TRUE(is_of_series("6.1.0-50-arm64", "6.1"));
  EXPECT_FALSE(is_of_series("6.12.95+deb12-arm64", "6.1"));
  EXPECT_TRUE(is_of_series("7.3-arm64", "7.3"));
  EXPECT_TRUE(is_of_series("7.2.12+deb13-arm64", "7.x"));
  EXPECT_FALSE(is_of_series("17.2-arm64", "7.x"));
}

}  // namespace
}  // namespace crashpath
