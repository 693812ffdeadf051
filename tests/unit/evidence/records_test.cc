#include "harness/evidence/records.h"

#include <gmock/gmock.h>

namespace crashpath {
namespace {

TEST(ConsoleRecord, HasSecondsAndTextOfEveryLine) {
  const auto lines = parse_console_record(
      "     3.250 [    0.000000] Linux version 6.12\n     3.251 \n 12345.000   indented\n");
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_DOUBLE_EQ(lines[0].seconds, 3.25);
  EXPECT_EQ(lines[0].text, "[    0.000000] Linux version 6.12");
  EXPECT_EQ(lines[1].text, "");
  EXPECT_EQ(lines[2].text, "  indented");
  EXPECT_EQ(lines[2].number, 3);
}

TEST(ConsoleRecord, KeepsLinesThatHaveNoSeconds) {
  const auto lines =
      parse_console_record("     1.000 a\nno seconds here\n       nan b\n         \n     2.000");
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[1].text, "no seconds here");
  EXPECT_DOUBLE_EQ(lines[1].seconds, 1);
  EXPECT_EQ(lines[2].text, "       nan b");
  EXPECT_EQ(lines[4].text, "     2.000");
}

TEST(AgentRecord, LeavesOutWhatIsNoMessage) {
  const std::string text = R"({"t": 1.0, "message": {"type": "hello", "kernel": "first", "seq": 1}})"
                           "\n"
                           R"({"t": 1.5, "raw": "{\"type\": \"hello\", "})"
                           "\nnot json\n[1]\n"
                           R"({"t": 2.0, "message": "text"})"
                           "\n"
                           R"({"t": 2.0, "message": {"type": "hello", "kernel": 7}})"
                           "\n"
                           R"({"t": 3.0, "message": {"type": "hello", "kernel": "second", "seq": 1}})"
                           "\n";
  ASSERT_EQ(parse_agent_record(text, Kernel::first).size(), 1U);
  const auto second = parse_agent_record(text, Kernel::second);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].at("kernel"), "second");
}

TEST(AgentRecord, BelievesTheHostAboutWhichKernelSpoke) {
  const std::string text =
      R"({"t": 3.0, "kernel": "second", "message": {"type": "hello", "kernel": "first", "generation": 1}})"
      "\n";
  EXPECT_TRUE(parse_agent_record(text, Kernel::first).empty());
  EXPECT_EQ(parse_agent_record(text, Kernel::second).size(), 1U);
}

TEST(AgentRecord, SkipsLinesThatAreLongerThanTheProtocolAllows) {
  const std::string text =
      R"({"message": {"kernel": "first", "text": ")" + std::string(2 << 20, 'x') + "\"}}\n";
  EXPECT_TRUE(parse_agent_record(text, Kernel::first).empty());
}

}  // namespace
}  // namespace crashpath
