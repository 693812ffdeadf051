// RTAS and its work areas on real pseries guests: a CPU that is stuck in RTAS, in both directions, and
// work areas that are lost, jump the queue or lie too high.

#include <fstream>
#include <regex>
#include <sstream>

#include "tests/guest/program.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

/// One call of rtas_call() as QEMU saw it: its arguments by the ELFv2 ABI, what RTAS is given from r7 on.
struct SeenCall {
  std::uint64_t token, parameter, buffer;
};

/// What `-d exec,cpu -dfilter` wrote at the beginning of rtas_call(): four registers in a line.
std::vector<SeenCall> read_seen_calls(const std::filesystem::path& log) {
  static const std::regex line("GPR(00|04|08)((?: [0-9a-f]{16}){4})");
  std::vector<SeenCall> calls;
  std::vector<std::uint64_t> registers;
  std::ifstream in(log);
  for (std::string text; std::getline(in, text);) {
    std::smatch found;
    if (!std::regex_match(text, found, line)) continue;
    if (found[1] == "00") registers.clear();
    std::istringstream values(found[2]);
    for (std::uint64_t value = 0; values >> std::hex >> value;) registers.push_back(value);
    if (registers.size() == 12) calls.push_back({registers[3], registers[7], registers[8]});
  }
  return calls;
}

std::uint64_t address_of(const std::string& symbol, const std::string& kallsyms) {
  std::smatch found;
  const std::regex line("(c[0-9a-f]{15}) [a-zA-Z] " + symbol);
  return std::regex_search(kallsyms, found, line) ? std::stoull(found[1], nullptr, 16) : 0;
}

TEST(Rtas, AStuckCpuHangsTheCrashAndWithABufferOfItsOwnTheCrashGoesOn) {
  const Workspace workspace;
  const auto run = workspace.path() / "run";
  const auto output = run_program(crashpath_run(
      run, {"--arch", "pseries", "--scenario", "rtas.held-xics", "--scenario", "rtas.held-xics-emergency"}));
  EXPECT_EQ(output.exit_code, 0) << output.out << output.err;
  const auto results = read_results(run);
  const auto hung = find_trial(results, "pseries", "rtas.held-xics");
  EXPECT_EQ(outcome(hung), "xfail");
  EXPECT_EQ(stage(hung), "handover");
  EXPECT_THAT(std::string(hung.at("words").as_string()), HasSubstr("CPU 0 waits for rtas_lock"));
  const auto went_on = find_trial(results, "pseries", "rtas.held-xics-emergency");
  EXPECT_EQ(outcome(went_on), "pass");
  EXPECT_EQ(outcome(*find_check(went_on, "rtas.held-args")), "pass");
}

TEST(WorkArea, EachMutationFailsTheCheckThatIsMeantForIt) {
  expect_noticed("mutation.workarea-*",
                 {{"mutation.workarea-leak", "workarea.pool", "given out, but nobody has it"},
                  {"mutation.workarea-unfair", "workarea.fair", "were overtaken, most of all the one for"},
                  {"mutation.workarea-high", "workarea.arena", "is out of RTAS' reach"},
                  {"mutation.workarea-unlocked", "workarea.data-buffer", "given up when busy, 0 failed"}});
}

TEST(WorkArea, TheFirstOfABootIsTheStaticBuffer) {
  const Workspace workspace;
  const auto run = workspace.path() / "run", log = workspace.path() / "calls.log";
  const auto output = run_program(crashpath_run(
      run, {"--arch", "pseries", "--scenario-dir", kScenarios, "--scenario", "test.early-work-area"}));
  ASSERT_EQ(output.exit_code, 0) << output.out << output.err;
  const auto trial = run / "pseries-6.12-test.early-work-area-1";
  const std::string kallsyms = read_file(trial / "agent.jsonl").value();
  const std::uint64_t rtas_call = address_of("rtas_call", kallsyms);
  const std::uint64_t buffer = address_of("early_work_area_buf", kallsyms) & 0x0fff'ffff'ffff'ffff;
  ASSERT_NE(rtas_call, 0U);
  ASSERT_NE(buffer, 0U);

  run_program(
      {trial / "replay.sh", "-d", "exec,cpu", "-dfilter", fmt::format("{:#x}+0x10", rtas_call), "-D", log});
  const auto calls = read_seen_calls(log);
  ASSERT_FALSE(calls.empty());
  constexpr std::uint64_t kCooperativeMemoryOvercommitment = 44, kSplparCharacteristics = 20;
  EXPECT_EQ(calls.front().parameter, kCooperativeMemoryOvercommitment);
  EXPECT_EQ(calls.front().buffer, buffer);
  std::size_t later = 0;  // of the workload
  for (const auto& call : calls) {
    if (call.token != calls.front().token || call.parameter != kSplparCharacteristics) continue;
    ++later;
    EXPECT_NE(call.buffer, buffer);
  }
  EXPECT_GE(later, 1U);
}

}  // namespace
}  // namespace crashpath
