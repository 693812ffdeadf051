#include "harness/evidence/gic_redistributors.h"

#include <gmock/gmock.h>

#include "tests/corpus/trial_copy.h"

namespace crashpath {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

TEST(GicRedistributors, HaveTheTablesThatTheConsoleNames) {
  const TrialCopy trial("arm64-6.12-moments");
  const DeviceState state = DeviceState::read(trial.path("device-state-crash.json")).value();
  const auto redistributors = gic_redistributors(state).value();
  ASSERT_THAT(redistributors, SizeIs(4));
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(redistributors[i].lpis_enabled());
    EXPECT_EQ(redistributors[i].property_table(), 0x40200000u);
    EXPECT_EQ(redistributors[i].pending_table(), 0x40210000u + i * kLpiTableSize);
  }
}

TEST(GicRedistributors, OfAMachineWithoutThemAreAnError) {
  const TrialCopy trial("pseries-6.12-moments");
  const DeviceState state = DeviceState::read(trial.path("device-state-crash.json")).value();
  const auto redistributors = gic_redistributors(state);
  ASSERT_FALSE(redistributors);
  EXPECT_EQ(redistributors.error().message(), "the hypervisor has no arm_gicv3");
}

TEST(GicRedistributors, AreNumberedByTheirAffinity) {
  EXPECT_EQ(vcpu_of_affinity(0x3), 3u);
  EXPECT_EQ(vcpu_of_affinity(0x102), 18u);
}

TEST(GicRedistributors, WritesAreReadOutOfTheTrace) {
  const auto writes = parse_redistributor_writes(
      "4711@1763750000.123456:gicv3_redist_write GICv3 redistributor 0x1 write: offset 0x78 data 0x40220000 "
      "size 8 "
      "secure 0\n"
      "gicv3_redist_write GICv3 redistributor 0x102 write: offset 0x0 data 0x1 size 4 secure 0\n"
      "4711@1763750000.123457:gicv3_redist_read GICv3 redistributor 0x1 read: offset 0x8 data 0x1 size 8 "
      "secure 0\n"
      "gicv3_redist_write GICv3 redistributor 0x1 write: offset 0x78 data 0xfffffffffffffffff size 8 secure "
      "0\n"
      "gicv3_redist_write GICv3 redistributor 0x1 write: off");
  ASSERT_THAT(writes, SizeIs(2));
  EXPECT_EQ(writes[0].affinity, 1u);
  EXPECT_EQ(writes[0].offset, kGicrPendbaser);
  EXPECT_EQ(writes[0].data, 0x40220000u);
  EXPECT_EQ(writes[0].size, 8u);
  EXPECT_EQ(writes[1].affinity, 0x102u);
  EXPECT_EQ(writes[1].offset, kGicrCtlr);
  EXPECT_THAT(parse_redistributor_writes(""), IsEmpty());
}

}  // namespace
}  // namespace crashpath
