#include "guestimages/agent/cpuhp.h"

#include <gmock/gmock.h>

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(HotplugStates, HaveNumbersAndNames) {
  EXPECT_THAT(parse_hotplug_states("  0: offline\n 93: irqchip/arm/gicv3:starting\n213: workqueue:online\n"),
              ElementsAre(HotplugState{0, "offline"}, HotplugState{93, "irqchip/arm/gicv3:starting"},
                          HotplugState{213, "workqueue:online"}));
}

TEST(HotplugStates, LeavesOutLinesThatAreNone) {
  EXPECT_THAT(parse_hotplug_states("offline\n: x\n12\n99999999999: much\n\n"), IsEmpty());
  EXPECT_THAT(parse_hotplug_states(""), IsEmpty());
}

}  // namespace
}  // namespace crashpath
