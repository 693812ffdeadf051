#include "memreserve/callback_context.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/corpus/trial_copy.h"

namespace crashpath {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kArmed = "crashpath: memreserve_context: armed";
constexpr const char* kReserves =
    "crashpath: memreserve_context: reserve cpu=1 task=cpuhp/1 base=0x45c60000 size=0x10000 preempt=0x0 "
    "irqs_off=0 "
    "atomic=0 cpuhp=228 caller=gic_reserve_range+0x3c/0x50";
constexpr const char* kFreesAtomic =
    "crashpath: memreserve_context: free cpu=2 task=swapper/2 base=0x45d00000 size=0x10000 preempt=unknown "
    "irqs_off=1 "
    "atomic=1 cpuhp=98 caller=its_cpu_init";

class CallbackContextTest : public testing::Test {
 protected:
  void print(const std::string& line) const {
    std::ofstream(trial_.path("console-first.log"), std::ios::app)
        << "    12.345 [    9.876543] " << line << "\n";
  }
  CallbackContexts read() const { return read_callback_context(Evidence(trial_.directory())).value(); }
  CheckResult judge() const { return judge_callback_context(read()); }

  TrialCopy trial_{"arm64-6.12"};
};

TEST_F(CallbackContextTest, ReadsTheProbesLines) {
  print(kArmed);
  print(kReserves);
  print(kFreesAtomic);
  print("crashpath: memreserve_context: reserve cpu=1 task=");
  const CallbackContexts contexts = read();
  EXPECT_TRUE(contexts.armed);
  ASSERT_THAT(contexts.calls, SizeIs(2));
  EXPECT_FALSE(contexts.calls[0].frees);
  EXPECT_EQ(contexts.calls[0].base, 0x45c60000u);
  EXPECT_FALSE(contexts.calls[0].atomic);
  EXPECT_EQ(contexts.calls[1].task, "swapper/2");
  EXPECT_TRUE(contexts.calls[1].atomic);
}

TEST_F(CallbackContextTest, FailsWithoutTheProbeAndWithoutACall) {
  EXPECT_THAT(judge().got, HasSubstr("the probe memreserve_context said nothing"));
  print(kArmed);
  const CheckResult result = judge();
  EXPECT_EQ(result.outcome, Outcome::fail);
  EXPECT_THAT(result.got, HasSubstr("saw nothing"));
}

TEST_F(CallbackContextTest, PassesWhereEveryCallMaySleep) {
  print(kArmed);
  print(kReserves);
  const CheckResult result = judge();
  EXPECT_EQ(result.outcome, Outcome::pass);
  EXPECT_THAT(result.got, HasSubstr("CPU1 reserves 0x45c60000 in task cpuhp/1"));
}

TEST_F(CallbackContextTest, FailsForOneAtomicCall) {
  print(kArmed);
  print(kReserves);
  print(kFreesAtomic);
  const CheckResult result = judge();
  EXPECT_EQ(result.outcome, Outcome::fail);
  EXPECT_THAT(result.got, HasSubstr("CPU2 frees 0x45d00000 in task swapper/2, from its_cpu_init, atomic"));
}

/// As 5.10 says it, with and without PREEMPT_RT.
TEST_F(CallbackContextTest, FailsForTheStartingCallback) {
  print(kArmed);
  print(
      "crashpath: memreserve_context: reserve cpu=1 task=swapper/1 base=0x401c0000 size=0x10000 "
      "preempt=unknown irqs_off=1 atomic=1 cpuhp=94 caller=its_cpu_init");
  const CheckResult result = judge();
  EXPECT_EQ(result.outcome, Outcome::fail);
  EXPECT_THAT(result.got, HasSubstr("reserves 0x401c0000 in task swapper/1, from its_cpu_init, atomic"));
}

}  // namespace
}  // namespace crashpath
