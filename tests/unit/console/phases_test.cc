#include "harness/console/phases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/console/recorded.h"

namespace crashpath {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const Architecture& arm64() {
  return *find_architecture("arm64");
}
const Architecture& pseries() {
  return *find_architecture("pseries");
}

/// The phases of a recorded console in the order in which each is first seen.
std::vector<Phase> phases_of(const std::string& file, const Architecture& architecture) {
  std::vector<Phase> seen;
  for (const auto& line : recorded_lines(file)) {
    const auto phase = find_phase(line, architecture);
    if (phase && std::find(seen.begin(), seen.end(), *phase) == seen.end()) seen.push_back(*phase);
  }
  return seen;
}

TEST(Phases, OfAFirstKernelThatCrashes) {
  for (const auto* trial : {"arm64-6.12", "arm64-6.1-bad-headers"})
    EXPECT_THAT(phases_of(std::string("trials/") + trial + "/console-first.log", arm64()),
                ElementsAre(Phase::kernel_start, Phase::userspace, Phase::panic, Phase::crash_kexec))
        << trial;
  for (const auto* trial : {"pseries-6.12", "pseries-6.1"})
    EXPECT_THAT(phases_of(std::string("trials/") + trial + "/console-first.log", pseries()),
                ElementsAre(Phase::kernel_start, Phase::userspace, Phase::panic, Phase::crash_kexec))
        << trial;
}

TEST(Phases, ASecondKernelIsKnownByItsFirstLine) {
  for (const auto* trial : {"arm64-6.12", "arm64-6.1-bad-headers", "pseries-6.12", "pseries-6.1"}) {
    const auto lines = recorded_lines(std::string("trials/") + trial + "/console-second.log");
    const auto& architecture = std::string_view(trial).starts_with("arm64") ? arm64() : pseries();
    ASSERT_FALSE(lines.empty());
    EXPECT_EQ(find_phase(lines.front(), architecture), Phase::kernel_start) << trial << ": " << lines.front();
  }
}

TEST(Phases, OfAKernelWithoutAnInit) {
  const auto lines = recorded_lines("console/arm64-6.12-no-init.log");
  const PhaseMark* panic = nullptr;
  for (const auto& line : lines)
    if (const auto* mark = find_phase_mark(line, arm64()); mark != nullptr && mark->phase == Phase::panic)
      panic = mark;
  ASSERT_NE(panic, nullptr);
  EXPECT_THAT(panic->words, HasSubstr("init"));
}

TEST(Phases, OfAnNmi) {
  EXPECT_THAT(phases_of("console/pseries-6.12-nmi.log", pseries()),
              ElementsAre(Phase::kernel_start, Phase::userspace, Phase::oops, Phase::panic));
}

TEST(Phases, OfSplats) {
  const auto phases = phases_of("console/arm64-6.12-splats.log", arm64());
  for (const auto phase : {Phase::warning, Phase::bug, Phase::oops, Phase::stall})
    EXPECT_THAT(phases, Contains(phase));
  EXPECT_THAT(phases, Not(Contains(Phase::panic)));
}

TEST(Phases, APanicIsAPanicWhateverItsReason) {
  for (const auto* reason : {"sysrq triggered crash", "Oops: Fatal exception", "softlockup: hung tasks",
                             "hung_task: blocked tasks", "kernel: panic_on_warn set ...", "BUG: x"})
    EXPECT_EQ(find_phase(std::string("[    3.1] Kernel panic - not syncing: ") + reason, arm64()),
              Phase::panic);
}

TEST(Phases, OrdinaryLinesHaveNone) {
  for (const auto* line :
       {"", "[    3.126410] sysrq: Trigger a crash", "[   12.000000] Freeing unused kernel memory",
        "[    1.000000] debug: nothing", "SLOF", "EFI stub: Booting Linux Kernel..."})
    EXPECT_EQ(find_phase(line, arm64()), std::nullopt) << line;
}

TEST(Phases, EveryMarkIsComplete) {
  for (const auto& mark : phase_marks()) {
    EXPECT_FALSE(mark.text.empty());
    EXPECT_FALSE(mark.words.empty());
    EXPECT_FALSE(mark.source.empty());
    EXPECT_TRUE(mark.architecture.empty() || find_architecture(mark.architecture) != nullptr)
        << mark.architecture;
  }
}

TEST(TimeStamp, IsTakenOffWithTheCaller) {
  EXPECT_EQ(without_time_stamp("[    3.127186] Kernel panic"), "Kernel panic");
  EXPECT_EQ(without_time_stamp("[    3.127186][  T123] Kernel panic"), "Kernel panic");
  EXPECT_EQ(without_time_stamp("[    3.127186][    C1] Kernel panic"), "Kernel panic");
  EXPECT_EQ(without_time_stamp("[    3.127186]  indented"), " indented");
  EXPECT_EQ(without_time_stamp("[    3.127186] [c00000000785f790] panic+0x2e8"),
            "[c00000000785f790] panic+0x2e8");
  EXPECT_EQ(without_time_stamp("[ BUG: Invalid wait context ]"), "[ BUG: Invalid wait context ]");
  for (const auto* line : {"", "[", "[]", "no stamp", "[c0] x"}) EXPECT_EQ(without_time_stamp(line), line);
}

}  // namespace
}  // namespace crashpath
