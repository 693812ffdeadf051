#include "harness/console/splats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/console/recorded.h"

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Found {
  std::vector<std::string> lines;
  std::vector<Splat> splats;
  std::vector<std::string> titles;  ///< "kind: title"
};

Found find(std::vector<std::string> lines) {
  const std::vector<std::string_view> views(lines.begin(), lines.end());
  Found found{std::move(lines), find_splats(views), {}};
  for (const auto& splat : found.splats)
    found.titles.push_back(std::string(to_string(splat.kind)) + ": " + splat.title);
  return found;
}

Found find_in(const std::string& file) {
  return find(recorded_lines(file));
}

TEST(Splats, ASysrqCrashIsItsPanicAndNothingElse) {
  for (const auto* trial : {"arm64-6.12", "pseries-6.12", "pseries-6.1", "arm64-6.1-bad-headers"}) {
    const auto found = find_in(std::string("trials/") + trial + "/console-first.log");
    EXPECT_THAT(found.titles, ElementsAre("panic: Kernel panic - not syncing: sysrq triggered crash"))
        << trial;
  }
}

TEST(Splats, APanicHasItsWholeTrace) {
  const auto found = find_in("trials/arm64-6.12/console-first.log");
  ASSERT_EQ(found.splats.size(), 1u);
  EXPECT_THAT(found.lines[found.splats[0].end - 1], HasSubstr("el0t_64_sync"));
}

TEST(Splats, SecondKernelsThatBootedWellHaveNone) {
  for (const auto* trial : {"arm64-6.12", "pseries-6.12", "pseries-6.1"})
    EXPECT_THAT(find_in(std::string("trials/") + trial + "/console-second.log").titles, IsEmpty()) << trial;
}

TEST(Splats, OfArm64) {
  const auto found = find_in("console/arm64-6.12-splats.log");
  ASSERT_GE(found.splats.size(), 6u);
  EXPECT_THAT(found.titles[0], HasSubstr("warning: WARNING: CPU: 1 PID: 140 at crash_contexA.c:117"));
  EXPECT_THAT(found.titles[1], HasSubstr("oops: kernel BUG at crash_contexB.c:112!"));
  EXPECT_THAT(found.titles[2], HasSubstr("warning: WARNING: CPU: 1 PID: 0 at kernel/context_tracking.c:128"));
  EXPECT_THAT(found.titles[3], HasSubstr("oops: Unable to handle kernel NULL pointer dereference"));
  EXPECT_THAT(found.titles[4], HasSubstr("soft-lockup: watchdog: BUG: soft lockup - CPU#1 stuck for 9s!"));
  EXPECT_THAT(found.titles[5], HasSubstr("soft-lockup: watchdog: BUG: soft lockup - CPU#1 stuck for 16s!"));
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_THAT(found.lines[found.splats[i].end - 1], HasSubstr("---[ end trace")) << found.titles[i];
  EXPECT_THAT(found.lines[found.splats[4].end - 1], HasSubstr("ret_from_fork"));
}

TEST(Splats, OfPseries) {
  const auto found = find_in("console/pseries-6.12-splats.log");
  ASSERT_GE(found.splats.size(), 4u);
  EXPECT_THAT(found.titles[0], HasSubstr("warning: WARNING: CPU: 1 PID: 156 at crash_contexA.c:117"));
  EXPECT_THAT(found.titles[1], HasSubstr("oops: kernel BUG at crash_contexB.c:112!"));
  EXPECT_THAT(found.titles[2],
              HasSubstr("oops: BUG: Kernel NULL pointer dereference on write at 0x00000000"));
  EXPECT_THAT(found.titles[3], HasSubstr("soft-lockup: watchdog: BUG: soft lockup - CPU#1 stuck for 8s!"));
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_THAT(found.lines[found.splats[i].end - 1], HasSubstr("---[ end trace")) << found.titles[i];
  EXPECT_THAT(found.lines[found.splats[3].end - 1], HasSubstr("Code: "));
}

TEST(Splats, OfAnNmi) {
  const auto found = find_in("console/pseries-6.12-nmi.log");
  EXPECT_THAT(found.titles,
              ElementsAre("oops: Oops: System Reset, sig: 6 [#1]", "oops: Oops: System Reset, sig: 6 [#2]",
                          "panic: Kernel panic - not syncing: System Reset"));
}

TEST(Splats, WordsOfPrograms) {
  EXPECT_THAT(find_in("console/pseries-6.12-makedumpfile.log").titles, IsEmpty());
}

TEST(Splats, EndsWithItsLines) {
  const auto found =
      find({"[    1.0] before", "[    1.0] BUG: scheduling while atomic: init/1/0x00000002",
            "[    1.0] Modules linked in:", "[    1.0] random: crng init done",
            "[    1.0] Call trace:", "[    1.0]  schedule+0x10/0x20", "[    2.0] a", "[    2.0] b",
            "[    2.0] c", "[    2.0] d", "[    2.0] e", "[    2.0]  not its line"});
  ASSERT_EQ(found.splats.size(), 1u);
  EXPECT_EQ(found.splats[0].kind, SplatKind::bug);
  EXPECT_EQ(found.splats[0].begin, 1u);
  EXPECT_EQ(found.splats[0].end, 6u);
}

TEST(Splats, KindsByTheirFirstLine) {
  const auto kind = [](const char* line) { return find({line}).splats.at(0).kind; };
  EXPECT_EQ(kind("[ 1.0] BUG: KASAN: slab-use-after-free in x+0x1/0x2"), SplatKind::sanitizer);
  EXPECT_EQ(kind("[ 1.0] WARNING: possible circular locking dependency detected"), SplatKind::lockdep);
  EXPECT_EQ(kind("[ 1.0] [ BUG: Invalid wait context ]"), SplatKind::lockdep);
  EXPECT_EQ(kind("[ 1.0] WARNING: suspicious RCU usage"), SplatKind::lockdep);
  EXPECT_EQ(kind("[ 1.0] rcu: INFO: rcu_sched self-detected stall on CPU"), SplatKind::rcu_stall);
  EXPECT_EQ(kind("[ 1.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:"), SplatKind::rcu_stall);
  EXPECT_EQ(kind("[ 1.0] INFO: task init:1 blocked for more than 120 seconds."), SplatKind::hung_task);
  EXPECT_EQ(kind("[ 1.0] watchdog: CPU 2 self-detected hard LOCKUP @ x+0x1/0x2"), SplatKind::hard_lockup);
  EXPECT_EQ(kind("[ 1.0][ T1] WARNING: CPU: 0 PID: 1 at kernel/x.c:1 f+0x1/0x2"), SplatKind::warning);
  EXPECT_EQ(kind("[ 1.0] BUG: Kernel NULL pointer dereference on write at 0x00000000"), SplatKind::oops);
}

TEST(Splats, NothingComesOfNothing) {
  EXPECT_THAT(find({}).titles, IsEmpty());
  EXPECT_THAT(find({"", "[", "\x1b[0m"}).titles, IsEmpty());
}

}  // namespace
}  // namespace crashpath
