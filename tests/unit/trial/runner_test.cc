#include "harness/trial/runner.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "harness/base/file.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/kernel_state.h"
#include "harness/evidence/page_hashes.h"
#include "harness/evidence/saved_memory.h"
#include "harness/machine/fake_machine.h"
#include "harness/trial/conversation.h"
#include "harness/trial/script.h"

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
namespace json = boost::json;

constexpr const char* kHelloFirst = R"({"type":"hello","kernel":"first","seq":1,"generation":0})";
constexpr const char* kHelloSecond = R"({"type":"hello","kernel":"second","seq":1,"generation":0})";

class SilentObserver : public TrialObserver {
 public:
  void stage_entered(Stage) override {}
  void console_line(std::string_view) override {}
  void capture_progress(std::uint64_t, std::uint64_t) override {}
};

/// A guest agent that agrees to everything: answers each command with ok.
void agree(FakeMachine& machine, std::string_view line) {
  const json::object command = json::parse(line).as_object();
  json::object answer{{"type", command.at("run") == "report" ? "report" : "result"},
                      {"kernel", "first"},
                      {"id", command.at("id")},
                      {"ok", true},
                      {"data", json::object()}};
  machine.replies(json::serialize(answer));
}

class RunnerTest : public testing::Test {
 protected:
  RunnerTest() {
    directory_ = std::filesystem::path(testing::TempDir()) / ("runner_test." + std::to_string(getpid()));
    std::filesystem::remove_all(directory_);
    image_.architecture = find_architecture("arm64");
    scenario_.name = "panic.sysrq";
    scenario_.trigger = ScenarioTrigger{.kind = "sysrq-c", .cpu = std::nullopt, .arguments = {}};
    scenario_.capture.capture = false;  // no guest, no dump: what is tested is the way there
    trial_.id = "test";
    trial_.scenario = &scenario_;
    trial_.image = &image_;
    trial_.machine.architecture = image_.architecture;
    trial_.machine.memory_mib = 64;
  }
  ~RunnerTest() override { std::filesystem::remove_all(directory_); }

  Timeline run(std::function<void(FakeMachine&)> script) {
    const MachineFactory factory = [&](const MachineConfig& config) -> Result<std::unique_ptr<Machine>> {
      auto machine = std::make_unique<FakeMachine>(config);
      script(*machine);
      return std::unique_ptr<Machine>(std::move(machine));
    };
    const auto ran = run_trial(trial_, directory_, factory, observer_, interruption_);
    EXPECT_TRUE(ran) << ran.error().to_string();
    return read_timeline(directory_ / evidence_file::kTimeline).value();
  }

  std::filesystem::path directory_;
  GuestImage image_;
  Scenario scenario_;
  PlannedTrial trial_;
  SilentObserver observer_;
  Interruption interruption_;
};

std::vector<Stage> stages_of(const Timeline& timeline) {
  std::vector<Stage> stages;
  for (const auto& entered : timeline.stages) stages.push_back(entered.stage);
  return stages;
}

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

TEST_F(RunnerTest, ASilentSecondKernelIsTheGuestsFault) {
  const Timeline timeline = run([](FakeMachine& machine) {
    machine.on_sent = agree;
    machine.says(kHelloFirst).awaits("\"trigger\"");
    machine.prints("[    5.5] Kernel panic - not syncing: sysrq triggered crash").is_silent();
  });
  EXPECT_EQ(timeline.stages.back().stage, Stage::handover);
  EXPECT_EQ(timeline.end->by, EndedBy::guest);
  EXPECT_THAT(timeline.end->words, HasSubstr("sysrq triggered crash"));
}

TEST_F(RunnerTest, WhatTheCpusOfASilentGuestDoIsRecorded) {
  run([](FakeMachine& machine) {
    machine.registers = {{.cpu = 0, .values = {{"pc", 0x1000}, {"x29", 0x8000}}}};
    machine.virtual_memory[0x8000] = std::string(1024, '\0');
    machine.on_sent = agree;
    machine.says(kHelloFirst).awaits("\"trigger\"").is_silent();
  });
  const auto record = json::parse(read_file(directory_ / evidence_file::kHang).value());
  EXPECT_EQ(record.at("stage").as_string(), "crash");
  EXPECT_EQ(record.at("samples").as_array().size(), 3U);
  EXPECT_EQ(record.at_pointer("/samples/2/vcpus/0/registers/pc").as_string(), "0x1000");
  EXPECT_EQ(record.at_pointer("/stacks/0/memory/0/address").as_string(), "0x8000");
  EXPECT_THAT(std::string(record.at("lacking").as_string()), HasSubstr("no kernel's VMCOREINFO"));
}

TEST_F(RunnerTest, OfAGuestThatEndedItselfThereIsNoHang) {
  const Timeline timeline = run([](FakeMachine& machine) {
    machine.on_sent = agree;
    machine.says(kHelloFirst).awaits("\"trigger\"").emits(MachineExited{1, std::nullopt});
  });
  EXPECT_EQ(timeline.end->by, EndedBy::host);
  EXPECT_FALSE(std::filesystem::exists(directory_ / evidence_file::kHang));
}

TEST_F(RunnerTest, AnAgentThatFallsSilentLeavesTheConsoleAsWitness) {
  const Timeline timeline = run([](FakeMachine& machine) {
    machine.on_sent = agree;
    machine.says(kHelloFirst).awaits("\"trigger\"");
    machine.prints("[    5.5] Kernel panic - not syncing: sysrq triggered crash")
        .prints("[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]")
        .prints("[    2.000000] Run /init as init process")
        .is_silent();
  });
  EXPECT_EQ(timeline.stages.back().stage, Stage::second_kernel);
  EXPECT_EQ(timeline.end->by, EndedBy::guest);
  EXPECT_THAT(timeline.end->words, HasSubstr("Run /init"));
}

TEST_F(RunnerTest, NumbersThatNoProgressHasAreNotReported) {
  for (const char* done : {"-1", "1.5", "1e999", "0e999", "null", "\"1\""}) {
    const Timeline timeline = run([&](FakeMachine& machine) {
      machine.on_sent = agree;
      machine.says(fmt::format(R"({{"type":"progress","kernel":"first","done":{},"total":8}})", done));
      machine.says(kHelloFirst).awaits("\"trigger\"");
      machine.prints("[    5.5] Kernel panic - not syncing: sysrq triggered crash")
          .prints("[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]")
          .says(kHelloSecond);
    });
    ASSERT_TRUE(timeline.end);
    EXPECT_EQ(timeline.end->by, EndedBy::done) << done;
    std::filesystem::remove_all(directory_);
  }
}

TEST_F(RunnerTest, AKernelThatNothingCrashedIsASkip) {
  const Timeline timeline = run([](FakeMachine& machine) {
    machine.on_sent = agree;
    machine.says(kHelloFirst).awaits("\"trigger\"");
    machine.says(R"({"type":"survived","kernel":"first","id":3,"words":"the workload ended"})").is_silent();
  });
  EXPECT_EQ(timeline.end->by, EndedBy::lacks);
  EXPECT_THAT(timeline.end->words, HasSubstr("the kernel lives: the workload ended"));
}

TEST_F(RunnerTest, AKernelThatSaysItLivesWhileItDiesIsNoSkip) {
  const Timeline timeline = run([](FakeMachine& machine) {
    machine.on_sent = agree;
    machine.says(kHelloFirst).awaits("\"trigger\"");
    machine.prints("[    5.5] Kernel panic - not syncing: sysrq triggered crash")
        .says(R"({"type":"survived","kernel":"first","id":3,"words":"the workload ended"})")
        .is_silent();
  });
  EXPECT_EQ(timeline.end->by, EndedBy::guest);
}

TEST_F(RunnerTest, ATriggerThatFailsIsNotTheKernels) {
  const Timeline timeline = run([](FakeMachine& machine) {
    machine.on_sent = [](FakeMachine& guest, std::string_view line) {
      agree(guest, line);
      const json::object command = json::parse(line).as_object();
      if (command.at("run") != "trigger") return;
      guest.replies(fmt::format(R"({{"type":"failed","kernel":"first","id":{},"error":"no such module"}})",
                                command.at("id").as_int64()));
    };
    machine.says(kHelloFirst).awaits("\"trigger\"");
    machine.is_silent();
  });
  EXPECT_EQ(timeline.end->by, EndedBy::host);
  EXPECT_THAT(timeline.end->words, HasSubstr("no such module"));
}

TEST_F(RunnerTest, AnAgentThatFailsIsNotTheKernels) {
  const Timeline timeline = run([](FakeMachine& machine) {
    machine.on_sent = agree;
    machine.says(kHelloFirst).awaits("\"trigger\"");
    machine.prints("crashpath: fatal: cannot open /dev/vport0p1: Device or resource busy");
    machine.emits(HypervisorEvent{"SHUTDOWN", {{"guest", true}, {"reason", "guest-shutdown"}}})
        .emits(MachineExited{.exit_code = 0, .signal = {}});
  });
  EXPECT_EQ(timeline.end->by, EndedBy::host);
  EXPECT_THAT(timeline.end->words, HasSubstr("agent in the first kernel failed: cannot open /dev/vport0p1"));
}

TEST_F(RunnerTest, AKernelWithoutAPortHasFailed) {
  const Timeline timeline = run([](FakeMachine& machine) {
    machine.prints("crashpath: no port: no virtio-serial port named crashpath.agent after 10000 ms");
    machine.emits(HypervisorEvent{"SHUTDOWN", {{"guest", true}, {"reason", "guest-shutdown"}}})
        .emits(MachineExited{.exit_code = 0, .signal = {}});
  });
  EXPECT_EQ(timeline.end->by, EndedBy::guest);
  EXPECT_THAT(timeline.end->words, HasSubstr("gives the agent no port"));
}

TEST_F(RunnerTest, AKilledQemuIsOursAndNotTheGuests) {
  const Timeline timeline = run([](FakeMachine& machine) {
    machine.on_sent = agree;
    machine.says(kHelloFirst).awaits("\"trigger\"");
    machine.emits(MachineExited{.exit_code = 0, .signal = 9});
  });
  EXPECT_EQ(timeline.end->by, EndedBy::host);
  EXPECT_THAT(timeline.end->words, HasSubstr("signal 9"));
}

TEST_F(RunnerTest, AGuestThatResetsItselfIsTheGuestsFault) {
  const Timeline timeline = run([](FakeMachine& machine) {
    machine.on_sent = agree;
    machine.says(kHelloFirst).awaits("\"trigger\"");
    machine.prints("Bye!")
        .emits(HypervisorEvent{"SHUTDOWN", {{"guest", true}, {"reason", "guest-reset"}}})
        .emits(MachineExited{.exit_code = 0, .signal = {}});
  });
  EXPECT_EQ(timeline.stages.back().stage, Stage::handover);
  EXPECT_EQ(timeline.end->by, EndedBy::guest);
  EXPECT_THAT(timeline.end->words, HasSubstr("Bye!"));
}

TEST_F(RunnerTest, ARefusedCrashKernelEndsInArmWithKexecsWords) {
  const Timeline timeline = run([](FakeMachine& machine) {
    machine.on_sent = [](FakeMachine& guest, std::string_view line) {
      const json::object command = json::parse(line).as_object();
      guest.replies(json::serialize(json::object{{"type", "result"},
                                                 {"kernel", "first"},
                                                 {"id", command.at("id")},
                                                 {"ok", false},
                                                 {"error", "Memory for crashkernel is not reserved"}}));
    };
    machine.says(kHelloFirst);
  });
  EXPECT_EQ(timeline.stages.back().stage, Stage::arm);
  EXPECT_EQ(timeline.end->by, EndedBy::guest);
  EXPECT_EQ(timeline.end->words, "kexec.load: Memory for crashkernel is not reserved");
}

TEST_F(RunnerTest, ADumpThatCannotBeCopiedIsForTheChecksToJudge) {
  scenario_.capture.capture = true;
  const Timeline timeline = run([](FakeMachine& machine) {
    machine.on_sent = [](FakeMachine& guest, std::string_view line) {
      const json::object command = json::parse(line).as_object();
      if (command.at("run") != "capture") return agree(guest, line);
      guest.replies(json::serialize(json::object{{"type", "result"},
                                                 {"kernel", "second"},
                                                 {"id", command.at("id")},
                                                 {"ok", false},
                                                 {"error", "/proc/vmcore has 18446603337188454400 bytes"}}));
    };
    machine.says(kHelloFirst).awaits("\"trigger\"");
    machine.prints("[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]")
        .says(kHelloSecond);
  });
  EXPECT_EQ(timeline.stages.back().stage, Stage::verify);
  EXPECT_EQ(timeline.end->by, EndedBy::done);
}

// What a guest prints is quoted in words; words have to stay text that every report can hold.
TEST_F(RunnerTest, WordsArePrintableWhateverTheConsoleSays) {
  const Timeline timeline =
      run([](FakeMachine& machine) { machine.prints("\x1b[31m\xff\xfe garbage").is_silent(); });
  ASSERT_TRUE(timeline.end);
  EXPECT_THAT(timeline.end->words, HasSubstr("garbage"));
  EXPECT_EQ(timeline.end->words.find('\x1b'), std::string::npos);
}

TEST_F(RunnerTest, AFullDiskUnderTheDumpIsOurs) {
  const Timeline timeline = run([](FakeMachine& machine) {
    machine.on_sent = agree;
    machine.says(kHelloFirst)
        .emits(HypervisorEvent{"BLOCK_IO_ERROR", {{"reason", "No space left on device"}}});
  });
  EXPECT_EQ(timeline.end->by, EndedBy::host);
  EXPECT_THAT(timeline.end->words, HasSubstr("No space left"));
}

TEST_F(RunnerTest, AnInterruptionIsNeverTheGuestsFault) {
  interruption_.request();
  const Timeline timeline = run([](FakeMachine& machine) { machine.says(kHelloFirst); });
  EXPECT_EQ(timeline.end->by, EndedBy::host);
  EXPECT_EQ(timeline.end->words, "interrupted");
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
