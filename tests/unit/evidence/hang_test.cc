#include "harness/evidence/hang.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "../../corpus/trial_copy.h"

namespace crashpath {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// A stack, word by word, from an address on.
json::object stack(int cpu, std::uint64_t address, const std::vector<std::uint64_t>& words) {
  std::string hex;
  for (const std::uint64_t word : words)
    for (int byte = 0; byte < 8; ++byte) hex += fmt::format("{:02x}", (word >> (8 * byte)) & 0xff);
  return {{"cpu", cpu}, {"memory", {{{"address", fmt::format("{:#x}", address)}, {"hex", hex}}}}};
}

json::object arm64_hang() {
  return {
      {"arch", "arm64"},
      {"samples",
       {{{"vcpus", {{{"cpu", 0}, {"registers", {{"pc", "0x100"}, {"x30", "0x204"}, {"x29", "0x8000"}}}}}}}}},
      {"stacks", {stack(0, 0x8000, {0x8010, 0x304, 0x0, 0x404})}},
      {"symbols",
       {{"0x100", "leaf+0x0"},
        {"0x204", "caller+0x4"},
        {"0x304", "its_caller+0x4"},
        {"0x404", "first+0x4"}}}};
}

TEST(Hang, TheCallChainOfArm64BeginsWithTheLinkRegisterOfALeaf) {
  const auto hang = parse_hang(arm64_hang(), "");
  ASSERT_TRUE(hang) << hang.error().to_string();
  EXPECT_THAT(hang->lines(), ElementsAre("CPU 0: leaf+0x0 < caller+0x4 < its_caller+0x4 < first+0x4"));
  EXPECT_EQ(hang->words(), "CPU 0 is in leaf < caller < its_caller < first");
}

TEST(Hang, OfAFunctionThatHasCalledTheLinkRegisterIsItsOwn) {
  auto recorded = arm64_hang();
  recorded["symbols"].as_object()["0x204"] = "leaf+0x104";
  EXPECT_THAT(parse_hang(recorded, "")->lines(), ElementsAre("CPU 0: leaf+0x0 < its_caller+0x4 < first+0x4"));
}

TEST(Hang, AChainThatLeadsNowhereEnds) {
  auto recorded = arm64_hang();
  recorded["stacks"] = json::array({stack(0, 0x8000, {0x8000, 0x304})});  // its own caller
  EXPECT_THAT(parse_hang(recorded, "")->lines(),
              ElementsAre("CPU 0: leaf+0x0 < caller+0x4 < its_caller+0x4"));
  recorded["stacks"] = json::array({stack(0, 0xfffffffffffffff8, {0x8000})});
  EXPECT_THAT(parse_hang(recorded, "")->lines(), ElementsAre("CPU 0: leaf+0x0"));
  recorded.erase("stacks");
  recorded.erase("symbols");
  EXPECT_THAT(parse_hang(recorded, "module 256 0 - Live 0x0000000000000100 (O)\n")->lines(),
              ElementsAre("CPU 0: [module]+0x0"));
}

TEST(Hang, ACpuThatIsSeenInSeveralFunctionsMoves) {
  auto recorded = arm64_hang();
  json::array& samples = recorded["samples"].as_array();
  samples.insert(samples.begin(), json::parse(R"({"vcpus":[{"cpu":0,"registers":{"pc":"0x304"}}]})"));
  EXPECT_THAT(parse_hang(recorded, "")->lines().front(), StartsWith("CPU 0 (moves): leaf"));
}

/// A real guest: CPU 2 was at the point of entering RTAS when CPU 0 panicked, with XICS.
json::object xics_hang() {
  return json::parse(read_compressed("hang/pseries-6.12-xics.json.zst")).as_object();
}
constexpr std::string_view kModules = "rtas_hold 16384 0 [permanent], Live 0xc008000000462000 (OE)\n";

TEST(Hang, SaysWhoWaitsForWhichLockAndWhoHoldsIt) {
  const auto hang = parse_hang(xics_hang(), kModules);
  ASSERT_TRUE(hang) << hang.error().to_string();
  EXPECT_EQ(hang->words(),
            "CPU 0 waits for rtas_lock in queued_spin_lock_slowpath < _raw_spin_lock_irqsave < rtas_call < "
            "ics_rtas_mask_real_irq; CPU 2 holds it and was stopped by a system reset in [rtas_hold] < "
            "__traceiter_rtas_ll_entry < do_enter_rtas < rtas_call");
  const auto lines = hang->lines();
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_THAT(lines[0], HasSubstr(" < __crash_kexec+0xbc < panic+0x3b8 < sysrq_handle_crash+0x28"));
  EXPECT_THAT(lines[2], HasSubstr("| external interrupt 0x500 in plpar_hcall_norets_notrace+0x18"));
  EXPECT_THAT(lines[3], HasSubstr("kexec_wait+0x10 < smp_handle_nmi_ipi+0xec"));
}

TEST(Hang, WithoutALockWordThatNamesItsOwnerTheOwnerIsNotGuessed) {
  auto recorded = xics_hang();
  recorded.erase("lock_owners");
  EXPECT_THAT(parse_hang(recorded, kModules)->words(), Not(HasSubstr("holds it")));
  recorded.erase("pointed");  // as of a kernel without CONFIG_KALLSYMS_ALL
  EXPECT_THAT(parse_hang(recorded, kModules)->words(), StartsWith("CPU 0 waits for a lock in "));
}

TEST(Hang, WhereNobodyWaitsForALockEachCpuIsNamed) {
  auto recorded = xics_hang();
  json::object& symbols = recorded["symbols"].as_object();
  for (auto& [address, name] : symbols)
    if (std::string_view(name.as_string()).find("spin_lock") != std::string_view::npos)
      name = "elsewhere+0x8";
  EXPECT_THAT(parse_hang(recorded, kModules)->words(),
              StartsWith("CPU 0 is in elsewhere < elsewhere < rtas_call < ics_rtas_mask_real_irq; "
                         "CPU 1 was stopped by a system reset in plpar_hcall_norets_notrace"));
}

TEST(Hang, ACpuStillWaitsForTheSameLockOnTheSameWayOnly) {
  const auto before = *parse_hang(xics_hang(), kModules);
  EXPECT_TRUE(before.still_waits(before));
  auto elsewhere = before;
  elsewhere.cpus.at(0).chain.at(3).function = "ics_rtas_unmask_irq+0x8";
  EXPECT_FALSE(elsewhere.still_waits(before));
  auto another = before;
  another.cpus.at(0).waits_for = "die_lock";
  EXPECT_FALSE(another.still_waits(before));
  auto nothing = before;
  nothing.cpus.at(0).waits_for.reset();
  EXPECT_FALSE(nothing.still_waits(before));
  EXPECT_FALSE(before.still_waits(nothing));
  auto unknown = before;  // callers that nobody knows may be others each time
  auto& chain = unknown.cpus.at(0).chain;
  while (chain.back().function.find("spin_lock") == std::string::npos) chain.pop_back();
  EXPECT_FALSE(unknown.still_waits(unknown));
  auto moved = before;
  moved.cpus.at(0).chain.at(3).function += "0";  // a loop is not at one instruction
  EXPECT_TRUE(moved.still_waits(before));
}

TEST(Hang, WhatIsNoRecordSaysSo) {
  EXPECT_EQ(parse_hang({}, "").error().fault(), Fault::host);
  const auto none = parse_hang(json::object{{"arch", "arm64"}, {"lacking", "QEMU is gone"}}, "");
  EXPECT_EQ(none.error().fault(), Fault::lacks);
  EXPECT_EQ(none.error().message(), "QEMU is gone");
}

}  // namespace
}  // namespace crashpath
