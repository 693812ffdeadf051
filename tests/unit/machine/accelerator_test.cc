#include "harness/machine/qemu/accelerator.h"

#include <gtest/gtest.h>
#include <sys/utsname.h>

namespace crashpath {
namespace {

TEST(Accelerator, ForeignArchitecturesAreEmulated) {
  Architecture foreign = architectures().front();
  foreign.uname_machine = "no-such-machine";
  const auto choice = choose_accelerator(foreign, "/nonexistent/qemu");
  EXPECT_EQ(choice.accelerator, Accelerator::tcg);
  EXPECT_NE(choice.reason, "");
}

TEST(Accelerator, AQemuThatDoesNotStartWithKvmIsNotTakenAtItsWord) {
  utsname host{};
  ASSERT_EQ(::uname(&host), 0);
  Architecture own = architectures().front();
  own.uname_machine = host.machine;
  for (const auto* qemu : {"/bin/false", "/nonexistent/qemu"}) {
    const auto choice = choose_accelerator(own, qemu);
    EXPECT_EQ(choice.accelerator, Accelerator::tcg) << qemu;
    EXPECT_NE(choice.reason, "");
  }
}

}  // namespace
}  // namespace crashpath
