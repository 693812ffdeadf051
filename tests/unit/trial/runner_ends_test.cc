// How trials end, and whose fault that is.

#include <fmt/format.h>

#include "harness/trial/conversation.h"
#include "tests/unit/trial/runner_fixture.h"

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

}  // namespace
}  // namespace crashpath
