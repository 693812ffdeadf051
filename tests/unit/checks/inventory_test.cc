#include "crashpaths/inventory/inventory.h"

#include <gmock/gmock.h>

#include "crashpaths/inventory/crash_calls.h"
#include "tests/corpus/trial_copy.h"

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(CrashCalls, AreReadOutOfTheLog) {
  const auto calls = hypervisor_calls_in(
      "[    9.1] hcall_log: crashing CPU: 0x380 (H_SIGNAL_SYS_RESET) 3 times, first args 0x1,0x0 status 0 on "
      "CPU 1\n"
      "[    9.2] hcall_log: other CPUs: 0xf0c (?) 1 times, first args 0x1,0xffffffffffffffff status -4 on "
      "CPU 2\n"
      "[    9.2] hcall_log: 2 opcodes\n");
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_TRUE(calls[0].crashing);
  EXPECT_EQ(calls[0].name, "H_SIGNAL_SYS_RESET");
  EXPECT_EQ(calls[0].times, 3U);
  EXPECT_FALSE(calls[1].crashing);
  EXPECT_EQ(calls[1].opcode, 0xf0cU);
  EXPECT_EQ(calls[1].status, -4);
  EXPECT_THAT(hypervisor_calls_in("hcall_log: crashing CPU: 0x (H_CEDE) 1 times"), IsEmpty());
}

TEST(Inventory, IsReadOutOfADump) {
  const TrialCopy trial("pseries-6.12-rtas-emergency");
  const auto inventory = read_inventory(Evidence(trial.directory()));
  ASSERT_TRUE(inventory) << inventory.error().to_string();
  ASSERT_EQ(inventory->calls.size(), 2U);
  EXPECT_EQ(inventory->calls[0].name, "ibm,int-off");
  EXPECT_EQ(inventory->calls[0].by, "crashing CPU");
  EXPECT_EQ(inventory->calls[0].times, 14U);
  EXPECT_EQ(inventory->calls[0].example, "(0x1000) = 0");
  EXPECT_EQ(inventory->calls[1].name, "ibm,set-xive");
  EXPECT_THAT(to_text(*inventory), HasSubstr("RTAS   ibm,int-off"));
}

TEST(Inventory, OfAKernelOfWhichNobodySaidAnythingIsAnError) {
  const TrialCopy trial("pseries-6.12");
  const auto inventory = read_inventory(Evidence(trial.directory()));
  ASSERT_FALSE(inventory);
  EXPECT_THAT(inventory.error().message(), HasSubstr("no calls of a crash"));
}

Inventory inventory_of(std::string kernel, std::vector<InventoryCall> calls) {
  return {.trial = "trial of " + kernel, .kernel = std::move(kernel), .calls = std::move(calls)};
}

TEST(Inventory, TwoKernelsAreComparedByWhatOnlyOneDoes) {
  const InventoryCall off{"RTAS", "ibm,int-off", "crashing CPU", 14, "(0x1000) = 0"};
  const InventoryCall reset{"hcall", "H_SIGNAL_SYS_RESET", "crashing CPU", 3, "(0x1,0x0) = 0"};
  const InventoryCall vpa{"hcall", "H_REGISTER_VPA", "other CPUs", 3, "(0xa000000000000000,0x1) = 0"};
  const InventoryCall xive{"RTAS", "ibm,set-xive", "crashing CPU", 14, "(0x1000,0x0,0xff) = 0"};
  const Inventory one = inventory_of("6.12", {off, reset});
  const Inventory other = inventory_of("7.2", {off, xive, reset, vpa});
  const auto rows = compare(one, other);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[1].name, "ibm,set-xive") << "behind those of its kind";
  EXPECT_THAT(rows[1].times, ElementsAre(0U, 14U));
  EXPECT_THAT(rows[3].times, ElementsAre(0U, 3U));
  EXPECT_FALSE(same_calls(rows));
  EXPECT_THAT(to_text(one, other), HasSubstr("-       3  only B"));
  EXPECT_THAT(to_text(other, one), HasSubstr("3       -  only A"));
  EXPECT_EQ(to_json(one, other).at("calls").at(3).at("times"), boost::json::parse("[0,3]"));

  EXPECT_TRUE(same_calls(compare(one, one)));
  EXPECT_THAT(to_text(one, one), HasSubstr("both make the same calls"));
  const Inventory more = inventory_of("6.12", {off, {"hcall", "H_SIGNAL_SYS_RESET", "crashing CPU", 5, ""}});
  EXPECT_TRUE(same_calls(compare(one, more))) << "how often is no difference";
}

}  // namespace
}  // namespace crashpath
