#include "guestimages/agent/script.h"

#include <gmock/gmock.h>

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> runs(std::string_view text, std::string_view kernel, int generation = 0) {
  std::vector<std::string> names;
  for (const auto& command : script_commands(text, kernel, generation).value())
    names.emplace_back(command.at("run").get_string());
  return names;
}

constexpr std::string_view crash =
    R"({"in": "first", "id": 1, "run": "kexec.load", "panic": true}
{"in": "first", "id": 2, "run": "trigger", "kind": "sysrq-c"}

{"in": "second", "id": 3, "run": "report"}
{"in": "second", "id": 4, "run": "capture", "format": "elf"}
)";

TEST(Script, HasAPartForEachKernel) {
  EXPECT_THAT(runs(crash, "first"), ElementsAre("kexec.load", "trigger"));
  EXPECT_THAT(runs(crash, "second"), ElementsAre("report", "capture"));
  const auto commands = script_commands(crash, "second", 0).value();
  EXPECT_EQ(commands[1], (boost::json::object{{"id", 4}, {"run", "capture"}, {"format", "elf"}}));
}

TEST(Script, GoesOnBehindEachPlainKexec) {
  constexpr std::string_view chain =
      R"({"in": "first", "run": "kexec.load", "panic": false}
{"in": "first", "run": "kexec.exec"}
{"in": "first", "run": "cpu.offline", "cpu": 1}
{"in": "first", "run": "kexec.exec"}
{"in": "first", "run": "trigger", "kind": "sysrq-c"}
{"in": "second", "run": "capture", "format": "elf"}
)";
  EXPECT_THAT(runs(chain, "first", 0), ElementsAre("kexec.load", "kexec.exec"));
  EXPECT_THAT(runs(chain, "first", 1), ElementsAre("cpu.offline", "kexec.exec"));
  EXPECT_THAT(runs(chain, "first", 2), ElementsAre("trigger"));
  EXPECT_THAT(runs(chain, "second"), ElementsAre("capture"));
}

// The kernel that a plain kexec starts may be the second one of its trial. It is no capture kernel for the
// agent.
TEST(Script, GivesTheLastKernelOfAChainWhatTheSecondIsAsked) {
  constexpr std::string_view plain =
      R"({"in": "first", "run": "kexec.exec"}
{"in": "second", "run": "report"}
)";
  EXPECT_THAT(runs(plain, "first", 0), ElementsAre("kexec.exec"));
  EXPECT_THAT(runs(plain, "first", 1), ElementsAre("report"));
}

TEST(Script, NamesTheLineThatIsWrong) {
  const auto not_json = script_commands("{\"in\": \"first\", \"run\": \"report\"}\n{nope\n", "first", 0);
  ASSERT_FALSE(not_json);
  EXPECT_THAT(not_json.error().message(), HasSubstr("line 2"));
  const auto nowhere = script_commands("{\"run\": \"report\"}\n", "first", 0);
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(nowhere.error().message(), HasSubstr("line 1 of the script has no \"in\""));
}

}  // namespace
}  // namespace crashpath
