#include "harness/machine/backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crashpath {
namespace {

TEST(Backend, EveryOneMakesAMachine) {
  ASSERT_FALSE(backends().empty());
  EXPECT_EQ(backends().front().name, "qemu");
  for (const auto& backend : backends()) {
    MachineConfig config;
    config.architecture = &architectures().front();
    EXPECT_NE(MachineKind::parse(backend.name).value().make(config), nullptr);
  }
}

TEST(Backend, AnUnknownOneIsAUsageErrorThatNamesTheKnown) {
  const auto machine = MachineKind::parse("xen");
  ASSERT_FALSE(machine);
  EXPECT_EQ(machine.error().fault(), Fault::usage);
  EXPECT_THAT(machine.error().to_string(), testing::HasSubstr("qemu"));
}

}  // namespace
}  // namespace crashpath
