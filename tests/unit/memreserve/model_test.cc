#include "memreserve/model.h"

#include <gmock/gmock.h>

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kOwn = kRdLocalLpiEnabled | kRdLocalMemreserveDone;  // a first boot's
constexpr std::uint64_t kInherited = kOwn | kRdLocalPendtablePreallocated;

/// Two CPUs whose numbers are those of their redistributors.
ModelKernel kernel(Onlined second, bool crash = false) {
  return {
      .crash = crash, .possible = 2, .cpus = {{0, 0, Onlined::yes, Onlined::yes}, {1, 1, second, second}}};
}
/// A crash kernel with one CPU, which was the other kernel's `crashed_on`.
ModelKernel crash_kernel(std::uint64_t crashed_on) {
  return {.crash = true, .possible = 1, .cpus = {{0, crashed_on, Onlined::yes, Onlined::yes}}};
}

TEST(Model, AFirstBootAllocatesAndReservesEverything) {
  const auto first = predict({}, {kernel(Onlined::yes)}).front();
  EXPECT_FALSE(first.preallocated);
  for (const int cpu : {0, 1}) {
    EXPECT_EQ(first.cpus.at(cpu).source, TableSource::allocated);
    EXPECT_THAT(first.cpus.at(cpu).flags, ElementsAre(kOwn));
    EXPECT_EQ(first.cpus.at(cpu).has_page, true);
  }
  EXPECT_EQ(first.hotplug_state, false);
  EXPECT_EQ(first.most_entries, 3u);
  EXPECT_EQ(first.least_entries, 3u);
}

TEST(Model, ACpuThatNeverCameUpHasNothingReservedAndKeepsTheState) {
  const auto first = predict({}, {kernel(Onlined::never)}).front();
  EXPECT_EQ(first.cpus.at(1).source, TableSource::none);
  EXPECT_THAT(first.cpus.at(1).flags, ElementsAre(0));
  EXPECT_EQ(first.cpus.at(1).has_page, true);
  EXPECT_EQ(first.hotplug_state, true);
  EXPECT_EQ(first.most_entries, 2u);
}

TEST(Model, AKexecTakesOverWhatIsThereAndAllocatesTheRest) {
  const auto chain = predict({}, {kernel(Onlined::never), kernel(Onlined::yes), kernel(Onlined::yes)});
  EXPECT_TRUE(chain[1].preallocated);
  EXPECT_EQ(chain[1].cpus.at(0).source, TableSource::reserved);
  EXPECT_THAT(chain[1].cpus.at(0).flags, ElementsAre(kInherited));
  EXPECT_EQ(chain[1].cpus.at(0).has_page, false);
  EXPECT_EQ(chain[1].cpus.at(1).source, TableSource::allocated);
  EXPECT_THAT(chain[1].cpus.at(1).flags, ElementsAre(kOwn));
  EXPECT_EQ(chain[1].most_entries, 3u);
  EXPECT_EQ(chain[2].cpus.at(1).source, TableSource::reserved);
  EXPECT_EQ(chain[2].cpus.at(1).owner, 1u);
  EXPECT_EQ(chain[2].cpus.at(0).owner, 0u);
  EXPECT_EQ(chain[2].most_entries, 3u) << "a second kexec adds nothing";
}

TEST(Model, ACrashKernelTakesOverTheTableOfTheCpuThatCrashed) {
  const auto chain = predict({}, {kernel(Onlined::yes), crash_kernel(1)});
  EXPECT_TRUE(chain[1].preallocated);
  EXPECT_EQ(chain[1].cpus.at(0).source, TableSource::reserved);
  EXPECT_EQ(chain[1].hotplug_state, false) << "its only CPU is up";
  EXPECT_EQ(chain[1].most_entries, 3u);
}

TEST(Model, ACrashWhileACpuComesUpLeavesItsReservationOpen) {
  const auto first = predict({}, {kernel(Onlined::in_flight)}).front();
  EXPECT_EQ(first.least_entries, 2u);
  EXPECT_EQ(first.most_entries, 3u);
  EXPECT_THAT(first.cpus.at(1).flags, testing::IsSupersetOf({std::uint64_t{0}, kRdLocalLpiEnabled, kOwn}));
  EXPECT_EQ(first.hotplug_state, std::nullopt);
}

TEST(Model, TheStateIsThatOfWhenTheKernelWasAsked) {
  ModelKernel asked_early = kernel(Onlined::yes);
  asked_early.cpus.back().at_report = Onlined::never;
  EXPECT_EQ(predict({}, {asked_early}).front().hotplug_state, true);
  EXPECT_EQ(predict({}, {asked_early}).front().least_entries, 3u) << "it came up all the same";
  asked_early.cpus.back().at_report = Onlined::in_flight;
  EXPECT_EQ(predict({}, {asked_early}).front().hotplug_state, std::nullopt);
}

TEST(Model, AKernelBeforeTheCallbackHasNoFlagsAndNoState) {
  ModelKernel old = kernel(Onlined::never);
  old.callback = false;
  const auto chain = predict({}, {old, old});
  EXPECT_THAT(chain[0].cpus.at(0).flags, IsEmpty());
  EXPECT_EQ(chain[0].hotplug_state, false);
  EXPECT_EQ(chain[0].most_entries, 2u);
  EXPECT_EQ(chain[1].cpus.at(0).has_page, false);
}

TEST(Model, WithoutUefiAKexecFindsLpisEnabledAndACrashKernelMayUseThem) {
  const ModelMachine machine{.efi = false};
  const auto chain = predict(machine, {kernel(Onlined::yes), kernel(Onlined::yes), crash_kernel(0)});
  EXPECT_THAT(chain[0].cpus.at(1).flags, ElementsAre(kRdLocalLpiEnabled));
  EXPECT_FALSE(chain[1].preallocated);
  EXPECT_TRUE(chain[1].cpus.at(1).warns);
  EXPECT_EQ(chain[1].cpus.at(1).source, TableSource::allocated);
  EXPECT_TRUE(chain[2].preallocated);
  EXPECT_THAT(chain[2].cpus.at(0).flags, ElementsAre(kRdLocalLpiEnabled | kRdLocalPendtablePreallocated));
  EXPECT_EQ(chain[2].most_entries, 0u);
  EXPECT_EQ(chain[0].hotplug_state, false);
}

TEST(Model, WithoutAnItsNothingIsTouched) {
  const auto first = predict({.its = false}, {kernel(Onlined::never)}).front();
  EXPECT_EQ(first.cpus.at(0).source, TableSource::none);
  EXPECT_THAT(first.cpus.at(0).flags, ElementsAre(0));
  EXPECT_EQ(first.hotplug_state, false);
  EXPECT_EQ(first.most_entries, 0u);
}

}  // namespace
}  // namespace crashpath
