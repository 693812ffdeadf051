#include "guestimages/agent/module_index.h"

#include <gmock/gmock.h>

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// As depmod writes it: what a module needs, directly or not, the deepest last.
constexpr std::string_view modules_dep =
    "kernel/drivers/virtio/virtio.ko:\n"
    "kernel/drivers/virtio/virtio_ring.ko: kernel/drivers/virtio/virtio.ko\n"
    "kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_pci_modern_dev.ko "
    "kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko\n"
    "kernel/drivers/virtio/virtio_pci_modern_dev.ko:\n"
    "kernel/drivers/char/hw_random/virtio-rng.ko: kernel/drivers/virtio/virtio_ring.ko\n";
constexpr std::string_view modules_builtin = "kernel/drivers/char/virtio_console.ko\n";

TEST(ModuleIndex, PutsDependenciesFirst) {
  const ModuleIndex index(modules_dep, modules_builtin);
  EXPECT_THAT(index.load_order("virtio_pci").value(),
              ElementsAre("kernel/drivers/virtio/virtio_pci_modern_dev.ko", "kernel/drivers/virtio/virtio.ko",
                          "kernel/drivers/virtio/virtio_ring.ko", "kernel/drivers/virtio/virtio_pci.ko"));
}

TEST(ModuleIndex, TakesDashAndUnderscoreForTheSame) {
  const ModuleIndex index(modules_dep, modules_builtin);
  EXPECT_EQ(index.load_order("virtio-rng").value(), index.load_order("virtio_rng").value());
  EXPECT_EQ(index.load_order("virtio_rng").value().back(), "kernel/drivers/char/hw_random/virtio-rng.ko");
}

TEST(ModuleIndex, HasNothingToLoadForABuiltInModule) {
  EXPECT_THAT(ModuleIndex(modules_dep, modules_builtin).load_order("virtio_console").value(), IsEmpty());
}

TEST(ModuleIndex, NamesAnUnknownModule) {
  const auto order = ModuleIndex(modules_dep, modules_builtin).load_order("nosuch");
  ASSERT_FALSE(order);
  EXPECT_THAT(order.error().message(), HasSubstr("nosuch"));
}

TEST(ModuleIndex, EndsOnACircle) {
  const ModuleIndex index("a.ko: b.ko\nb.ko: a.ko\n", "");
  EXPECT_THAT(index.load_order("a").value(), ElementsAre("b.ko", "a.ko"));
}

}  // namespace
}  // namespace crashpath
