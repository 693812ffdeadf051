#include <fmt/format.h>

#include "harness/evidence/kernel_state.h"
#include "harness/evidence/page_hashes.h"
#include "harness/evidence/saved_memory.h"
#include "harness/trial/script.h"
#include "tests/unit/trial/runner_fixture.h"

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(RunnerTest, GoesThroughEveryStage) {
  const Timeline timeline = run([](FakeMachine& machine) {
    machine.on_sent = agree;
    machine.says(kHelloFirst).awaits("\"trigger\"");
    machine.prints("[    5.5] Kernel panic - not syncing: sysrq triggered crash")
        .prints("[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]")
        .says(kHelloSecond);
  });
  EXPECT_THAT(stages_of(timeline), ElementsAre(Stage::image, Stage::boot, Stage::arm, Stage::crash,
                                               Stage::handover, Stage::second_kernel, Stage::verify));
  ASSERT_TRUE(timeline.end);
  EXPECT_EQ(timeline.end->by, EndedBy::done);
  EXPECT_THAT(read_file(directory_ / evidence_file::kConsoleFirst).value(), HasSubstr("sysrq triggered"));
  EXPECT_THAT(read_file(directory_ / evidence_file::kConsoleSecond).value(), HasSubstr("Booting Linux"));
}

TEST_F(RunnerTest, RecordsTheMomentsThatAScenarioNames) {
  scenario_.record = {.device_state = {Moment::crash}, .memory = {Moment::armed, Moment::crash}};
  std::vector<std::string> calls;
  run([&](FakeMachine& machine) {
    machine.ram().resize(2 * kHashedPageSize);
    machine.on_sent = [&](FakeMachine& guest, std::string_view line) {
      if (line.find("\"trigger\"") != line.npos) guest.ram()[0] = std::byte{1};
      agree(guest, line);
      calls = guest.calls();
    };
    machine.says(kHelloFirst).awaits("\"trigger\"");
    machine.prints("[    5.5] Kernel panic - not syncing: sysrq triggered crash")
        .prints("[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]")
        .says(kHelloSecond);
  });
  EXPECT_THAT(calls, ElementsAre("start", "pause", "resume", "pause", "save", "resume"));
  const Evidence evidence(directory_);
  const PageHashes& armed = *evidence.page_hashes(Moment::armed).value();
  const PageHashes& crash = *evidence.page_hashes(Moment::crash).value();
  EXPECT_NE(armed.hashes[0], crash.hashes[0]);
  EXPECT_EQ(armed.hashes[1], crash.hashes[1]);
  EXPECT_FALSE(evidence.page_hashes(Moment::second_kernel));
  EXPECT_FALSE(evidence.device_state(Moment::crash)) << "what a fake machine saves is no state of devices";
  EXPECT_NE(evidence.why_not_recorded(evidence_file::device_state(Moment::crash)).value(), "");
  EXPECT_EQ(evidence.why_not_recorded(evidence_file::device_state(Moment::armed)).value(), "");
  EXPECT_FALSE(std::filesystem::exists(directory_ / "device-state.stream"));
}

TEST_F(RunnerTest, SavesWhatMemoryWitnessesNameAndRead) {
  constexpr std::uint64_t kBase = 0x40000000;  // of arm64's RAM
  const MemoryWitness good{
      "good", "", {"gic_rdists"}, [](const KernelState& kernel, const Evidence&, Moment) {
        std::byte byte{};
        EXPECT_TRUE(kernel.memory().read(kBase, std::span(&byte, 1)));
        EXPECT_EQ(byte, std::byte{1});
        EXPECT_FALSE(kernel.memory().read(kBase - 1, std::span(&byte, 1)));
        EXPECT_FALSE(kernel.memory().read(kBase + 0x4000, std::span(&byte, 1)));
        return Result<std::vector<Range>>({{kBase + 0x2000, kBase + 0x2008}});
      }};
  const MemoryWitness bad{"bad", "", {}, [](const KernelState&, const Evidence&, Moment) {
                            return Result<std::vector<Range>>(Error::guest("cannot say"));
                          }};
  scenario_.trigger.reset();
  scenario_.record = {.device_state = {}, .memory = {Moment::armed}, .symbols = {}, .pages = {good, bad}};
  run([&](FakeMachine& machine) {
    machine.ram().resize(0x4000);
    machine.ram()[0] = std::byte{1};
    machine.on_sent = agree;
    machine.says(kHelloFirst);
  });
  const Evidence evidence(directory_);
  EXPECT_THAT(evidence.saved_memory(Moment::armed).value()->ranges(),
              ElementsAre(Range{kBase, kBase + 0x1000}, Range{kBase + 0x2000, kBase + 0x3000}));
  const std::string moments = read_file(directory_ / evidence_file::kMoments).value();
  EXPECT_THAT(moments, HasSubstr("bad: cannot say"));
  EXPECT_THAT(moments, HasSubstr(R"("good":"0x40002000-0x40002007")"));
  EXPECT_EQ(evidence.saved_memory(Moment::crash).error().fault(), Fault::host) << "there was no such moment";
}

TEST_F(RunnerTest, PagesThatCannotBeSavedAreNoEvidence) {
  const MemoryWitness greedy{"greedy", "", {}, [](const KernelState&, const Evidence&, Moment) {
                               return Result<std::vector<Range>>({{0, kMaxSavedMemory + 1}});
                             }};
  scenario_.trigger.reset();
  scenario_.record = {.device_state = {Moment::armed}, .memory = {}, .symbols = {}, .pages = {greedy}};
  const Timeline timeline = run([&](FakeMachine& machine) {
    machine.on_sent = agree;
    machine.says(kHelloFirst);
  });
  EXPECT_EQ(timeline.end->by, EndedBy::done);
  const auto memory = Evidence(directory_).saved_memory(Moment::armed);
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().fault(), Fault::lacks);
  EXPECT_THAT(memory.error().message(), HasSubstr("are more than"));
}

TEST_F(RunnerTest, AsksForTheSymbolsThatAScenarioNeeds) {
  const auto asked = [&] {
    for (const ScriptStep& step : make_script(trial_).value())
      if (step.run == "report" && step.arguments.contains("files"))
        return step.arguments.contains("symbols") ? json::serialize(step.arguments.at("symbols"))
                                                  : std::string();
    return std::string("no report");
  };
  EXPECT_EQ(asked(), "");
  scenario_.record.symbols = {"init_uts_ns", "__start_BTF"};
  scenario_.record.pages = {{"x", "", {"gic_rdists"}, {}}};
  EXPECT_EQ(asked(), R"(["__per_cpu_offset","__start_BTF","__stop_BTF","gic_rdists","init_uts_ns"])");
}

TEST_F(RunnerTest, WhatTheGuestLacksIsRecordedWithoutAMachine) {
  trial_.skip_reason = "the machine has no NMI";
  const Timeline timeline = run([](FakeMachine&) { FAIL() << "no machine is wanted"; });
  EXPECT_EQ(timeline.end->by, EndedBy::lacks);
  EXPECT_EQ(timeline.end->words, "the machine has no NMI");
}

TEST_F(RunnerTest, EvidenceOfTwoTrialsIsNeverMixed) {
  trial_.skip_reason = "first";
  run([](FakeMachine&) {});
  const auto again = run_trial(
      trial_, directory_, [](const MachineConfig&) { return Error::host("unused"); }, observer_,
      interruption_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().fault(), Fault::usage);
}

TEST_F(RunnerTest, TheScriptForReplayHoldsWhatTheHostWouldSend) {
  scenario_.steps.push_back({.run = "cpu.offline", .arguments = {{"cpu", 3}}, .line = 1});
  const auto script = make_script(trial_).value();
  const std::string text = to_agent_script(script);
  EXPECT_LT(text.find("kexec.load"), text.find("cpu.offline"));
  EXPECT_LT(text.find("cpu.offline"), text.find("trigger"));
  EXPECT_THAT(text, HasSubstr(R"("in":"first")"));
  EXPECT_THAT(text, HasSubstr(R"("in":"second")"));
}

TEST_F(RunnerTest, StepsOfTheSecondKernelComeBeforeItWritesTheDump) {
  scenario_.steps.push_back(
      {.run = "workload", .arguments = {{"name", "sysparm"}}, .line = 1, .kernel = Kernel::second});
  const auto script = make_script(trial_).value();
  const auto at = [&](std::string_view run) {
    return std::find_if(script.begin(), script.end(),
                        [&](const ScriptStep& step) { return step.run == run; });
  };
  ASSERT_NE(at("workload"), script.end());
  EXPECT_EQ(at("workload")->kernel, Kernel::second);
  EXPECT_LT(at("trigger"), at("workload"));
  EXPECT_LT(at("workload"), at("capture"));
}

TEST_F(RunnerTest, CpusComeOnlineBetweenLoadingAKernelAndStartingIt) {
  scenario_.steps.push_back({.run = "kexec", .arguments = {{"online", 2}}, .line = 1});
  const auto script = make_script(trial_).value();
  const auto exec = std::find_if(script.begin(), script.end(),
                                 [](const ScriptStep& step) { return step.run == "kexec.exec"; });
  ASSERT_GE(exec - script.begin(), 3);
  EXPECT_EQ((exec - 3)->run, "kexec.load");
  EXPECT_EQ((exec - 2)->arguments.at("cpu"), 1);
  EXPECT_EQ((exec - 1)->run, "cpu.online");
  EXPECT_EQ((exec - 1)->arguments.at("cpu"), 2);
}

TEST_F(RunnerTest, EachKernelOfAChainReportsBeforeItIsLeft) {
  trial_.machine.append = "quiet";
  scenario_.steps.push_back(
      {.run = "kexec", .arguments = {{"append", "nr_cpus=2"}, {"times", 2}}, .line = 1});
  scenario_.steps.push_back({.run = "report", .arguments = {}, .line = 2});
  std::vector<std::string> runs;
  for (const auto& step : make_script(trial_).value()) {
    const auto* append = step.arguments.if_contains("append");
    const bool plain = step.run == "kexec.load" && !step.arguments.at("panic").as_bool();
    if (plain) {
      EXPECT_EQ(append->as_string(), "quiet nr_cpus=2");
    }
    const bool of_files = step.run == "report" && step.arguments.contains("files");
    runs.push_back(plain ? "kexec.load plain" : of_files ? "report files" : step.run);
    if (step.stage == Stage::arm) {
      EXPECT_EQ(step.starts_kernel, step.run == "kexec.exec");
    }
  }
  // The crash kernel, and the symbols, of each; what a kernel had before it is left.
  EXPECT_THAT(runs, testing::ElementsAreArray({"kexec.load", "report", "report files", "kexec.load plain",
                                               "kexec.exec", "kexec.load", "report", "report files",
                                               "kexec.load plain", "kexec.exec", "kexec.load", "report",
                                               "report files", "report files", "trigger", "report files"}));
}

}  // namespace
}  // namespace crashpath
