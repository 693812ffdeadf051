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
  recorded["stacks"] = {stack(0, 0x8000, {0x8000, 0x304})};  // its own caller
  EXPECT_THAT(parse_hang(recorded, "")->lines(),
              ElementsAre("CPU 0: leaf+0x0 < caller+0x4 < its_caller+0x4"));
  recorded["stacks"] = {stack(0, 0xfffffffffffffff8, {0x8000})};
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

TEST(Hang, WhatIsNoRecordSaysSo) {
  EXPECT_EQ(parse_hang({}, "").error().fault(), Fault::host);
  const auto none = parse_hang(json::object{{"arch", "arm64"}, {"lacking", "QEMU is gone"}}, "");
  EXPECT_EQ(none.error().fault(), Fault::lacks);
  EXPECT_EQ(none.error().message(), "QEMU is gone");
}

}  // namespace
}  // namespace crashpath
