#include "harness/machine/fake_machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crashpath {
namespace {

using testing::ElementsAre;

Event next(FakeMachine& machine) {
  return machine.next_event(Clock::now() + std::chrono::hours(1));
}

TEST(FakeMachine, PlaysItsScriptAndWaitsForWhatIsSent) {
  FakeMachine machine;
  machine.prints("Linux version 6.12").awaits("\"report\"").says("{}").is_silent().emits(MachineExited{0, 9});
  EXPECT_EQ(std::get<ConsoleLine>(next(machine)).text, "Linux version 6.12");
  EXPECT_TRUE(std::holds_alternative<DeadlinePassed>(next(machine)));
  ASSERT_TRUE(machine.send_to_agent("{\"run\": \"other\"}"));
  EXPECT_TRUE(std::holds_alternative<DeadlinePassed>(next(machine)));
  ASSERT_TRUE(machine.send_to_agent("{\"run\": \"report\"}"));
  EXPECT_EQ(std::get<AgentLine>(next(machine)).text, "{}");
  EXPECT_TRUE(std::holds_alternative<DeadlinePassed>(next(machine)));
  EXPECT_EQ(std::get<MachineExited>(next(machine)).signal, 9);
  EXPECT_THAT(machine.sent(), ElementsAre("{\"run\": \"other\"}", "{\"run\": \"report\"}"));
}

TEST(FakeMachine, AnswersLikeAnAgent) {
  FakeMachine machine;
  machine.on_sent = [](FakeMachine& self, std::string_view line) {
    self.says("answer to " + std::string(line));
  };
  ASSERT_TRUE(machine.send_to_agent("x"));
  EXPECT_EQ(std::get<AgentLine>(next(machine)).text, "answer to x");
}

TEST(FakeMachine, RecordsWhatIsDoneToIt) {
  FakeMachine machine;
  machine.ram().resize(16);
  const std::array byte{std::byte{0xff}};
  EXPECT_TRUE(machine.start());
  EXPECT_TRUE(machine.write_memory(0x40000004, byte));
  EXPECT_FALSE(machine.write_memory(0x40000010, byte));
  EXPECT_FALSE(machine.inject_nmi());
  machine.interrupt();
  EXPECT_TRUE(std::holds_alternative<Interrupted>(next(machine)));
  machine.stop();
  EXPECT_EQ(machine.memory()->bytes[4], std::byte{0xff});
  EXPECT_THAT(machine.calls(), ElementsAre("start", "write 0x40000004", "write 0x40000010", "nmi", "stop"));
}

}  // namespace
}  // namespace crashpath
