#include "guestimages/initramfs/kernel_modules.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "harness/base/file.h"
#include "harness/process/command.h"

namespace crashpath {
namespace {

using testing::ElementsAre;

std::vector<std::string> names(const std::vector<KernelModule>& modules) {
  std::vector<std::string> names;
  for (const auto& module : modules) names.push_back(module.name);
  return names;
}

// Lines of modules.dep that depmod made of Debian's 6.1 kernel for arm64, suffixes as from 6.12 on.
constexpr std::string_view modules_dep =
    "kernel/drivers/virtio/virtio.ko.xz:\n"
    "kernel/drivers/virtio/virtio_ring.ko.xz: kernel/drivers/virtio/virtio.ko.xz\n"
    "kernel/drivers/virtio/virtio_pci_modern_dev.ko.xz:\n"
    "kernel/drivers/virtio/virtio_pci_legacy_dev.ko.xz:\n"
    "kernel/drivers/virtio/virtio_pci.ko.xz: kernel/drivers/virtio/virtio_pci_legacy_dev.ko.xz "
    "kernel/drivers/virtio/virtio_pci_modern_dev.ko.xz kernel/drivers/virtio/virtio_ring.ko.xz "
    "kernel/drivers/virtio/virtio.ko.xz\n"
    "kernel/drivers/char/hw_random/virtio-rng.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz "
    "kernel/drivers/virtio/virtio.ko.xz\n"
    "kernel/drivers/block/virtio_blk.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz "
    "kernel/drivers/virtio/virtio.ko.xz\n";

TEST(KernelModulesTest, EachAfterWhatItNeedsAndOnce) {
  const auto modules = select_modules(modules_dep, {"virtio_pci", "virtio_blk"});
  EXPECT_THAT(names(modules), ElementsAre("virtio", "virtio_ring", "virtio_pci_modern_dev",
                                          "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk"));
  EXPECT_EQ(modules.back().file, "kernel/drivers/block/virtio_blk.ko.xz");
  EXPECT_EQ(modules.back().path, "kernel/drivers/block/virtio_blk.ko");
}

TEST(KernelModulesTest, WhatTheKernelDoesNotHaveAsAModuleIsLeftOut) {
  EXPECT_THAT(names(select_modules(modules_dep, {"virtio_console", "virtio_rng"})),
              ElementsAre("virtio", "virtio_ring", "virtio_rng"));
  EXPECT_THAT(select_modules("", {"virtio_pci"}), testing::IsEmpty());
}

TEST(KernelModulesTest, ModulesDepNamesTheFilesOfTheInitramfs) {
  EXPECT_EQ(to_modules_dep(select_modules(modules_dep, {"virtio_blk"})),
            "kernel/drivers/virtio/virtio.ko:\n"
            "kernel/drivers/virtio/virtio_ring.ko: kernel/drivers/virtio/virtio.ko\n"
            "kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio_ring.ko "
            "kernel/drivers/virtio/virtio.ko\n");
}

class ModuleFileTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(make_directories(directory_)); }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::filesystem::path directory_ =
      std::filesystem::path(testing::TempDir()) / ("kernel_modules." + std::to_string(getpid()));
};

TEST_F(ModuleFileTest, CompressionIsToldByContent) {
  ASSERT_TRUE(write_file(directory_ / "x.ko", std::string("\x7f") + "ELF module"));
  ASSERT_TRUE(command_output({.argv = {"xz", "--keep", "--check=crc32", "x.ko"}, .directory = directory_}));
  ASSERT_TRUE(command_output({.argv = {"gzip", "--keep", "x.ko"}, .directory = directory_}));
  const std::string plain = read_file(directory_ / "x.ko").value();
  EXPECT_EQ(read_decompressed(directory_ / "x.ko").value(), plain);
  EXPECT_EQ(read_decompressed(directory_ / "x.ko.xz").value(), plain);
  EXPECT_EQ(read_decompressed(directory_ / "x.ko.gz").value(), plain);
  const std::string half = read_file(directory_ / "x.ko.xz").value().substr(0, 30);
  ASSERT_TRUE(write_file(directory_ / "half.ko.xz", half));
  EXPECT_FALSE(read_decompressed(directory_ / "half.ko.xz"));
}

TEST_F(ModuleFileTest, ModulesAreFoundInBothLayouts) {
  EXPECT_EQ(modules_directory(directory_, "6.1"), "");
  ASSERT_TRUE(make_directories(directory_ / "usr/lib/modules/7.2"));
  ASSERT_TRUE(make_directories(directory_ / "lib/modules/6.1"));
  EXPECT_EQ(modules_directory(directory_, "6.1"), directory_ / "lib/modules/6.1");
  EXPECT_EQ(modules_directory(directory_, "7.2"), directory_ / "usr/lib/modules/7.2");
  ASSERT_TRUE(run_depmod(directory_, "7.2"));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "usr/lib/modules/7.2/modules.dep"));
  EXPECT_FALSE(run_depmod(directory_, "5.10"));
}

}  // namespace
}  // namespace crashpath
