#include "guestimages/agent/dispatch.h"

#include <gmock/gmock.h>
#include <signal.h>

#include "guestimages/agent/task.h"
#include "harness/agent/protocol.h"

namespace crashpath {
namespace {

using boost::json::object;
using testing::HasSubstr;

class DispatchTest : public testing::Test {
 protected:
  /// Sends a line and returns the last answer.
  object ask(std::string line, bool too_long = false) {
    ok_ = handle_line(session_, {std::move(line), too_long},
                      [this]() -> Result<> { return ++flushes_, Result<>(); });
    return messages_.back();
  }
  std::string error_of(std::string line) {
    return std::string(ask(std::move(line)).at("error").get_string());
  }

  std::vector<object> messages_;
  Outbox outbox_{
      "first", [this](std::string_view line) { messages_.push_back(boost::json::parse(line).get_object()); }};
  Session session_{outbox_, false, 0, false, {}};
  bool ok_ = false;
  int flushes_ = 0;
};

TEST_F(DispatchTest, AnswersACommandWithItsId) {
  const object answer = ask(R"({"id": 7, "run": "exec", "argv": ["sh", "-c", "echo hello; exit 2"]})");
  EXPECT_EQ(answer.at("type"), "result");
  EXPECT_EQ(answer.at("kernel"), "first");
  EXPECT_EQ(answer.at("seq"), 1);
  EXPECT_TRUE(answer.at("uptime").is_double());
  EXPECT_EQ(answer.at("id"), 7);
  EXPECT_EQ(answer.at("ok"), true);
  EXPECT_EQ(answer.at("data"), (object{{"exit_code", 2}, {"output", "hello\n"}}));
  EXPECT_TRUE(ok_);
  EXPECT_EQ(flushes_, 0);
}

TEST_F(DispatchTest, SaysWhatIsWrongWithACommand) {
  EXPECT_EQ(error_of(R"({"id": 1, "run": "explode"})"), "unknown command 'explode'");
  EXPECT_FALSE(ok_);
  EXPECT_EQ(error_of(R"({"id": 1})"), "a command needs a member 'run', a string");
  EXPECT_EQ(error_of(R"({"id": 1, "run": "exec", "argv": ["true"], "bg": true})"),
            "argument 'bg' is unknown");
  EXPECT_EQ(error_of(R"({"id": 1, "run": "write", "path": "/etc/passwd", "text": "x"})"),
            "/etc/passwd is not a file of /proc or /sys");
  EXPECT_THAT(error_of("{\"id\": "), HasSubstr("not a JSON object"));
  EXPECT_THAT(error_of("[1]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(error_of(std::string(1000, '[')), HasSubstr("not a JSON object"));
  EXPECT_TRUE(ask("\xFF\n").at("id").is_null());
}

TEST_F(DispatchTest, RefusesALineThatWasTooLong) {
  EXPECT_EQ(ask("", true).at("error"), "a command of more than 1048576 bytes");
}

TEST_F(DispatchTest, ReportsFilesAndNamesWhatIsMissing) {
  const object report = ask(
      R"({"id": 3, "run": "report", "files": ["/proc/self/comm", "/no/such", "/proc"], "hex": ["/proc/self/comm"],
         "symbols": ["no_such_symbol"]})");
  EXPECT_EQ(report.at("type"), "report");
  EXPECT_EQ(report.at("id"), 3);
  EXPECT_EQ(report.at("files"), (object{{"/proc/self/comm", "unit_agent\n"}}));
  EXPECT_EQ(report.at("hex").at("/proc/self/comm"), "756e69745f6167656e740a");
  EXPECT_EQ(report.at("missing"), (boost::json::array{"/no/such", "/proc", "no_such_symbol"}));
  EXPECT_EQ(report.at("symbols"), object());
}

TEST_F(DispatchTest, CutsFilesAtTheLimit) {
  const object report = ask(R"({"id": 3, "run": "report", "hex": ["/dev/zero"]})");
  EXPECT_EQ(report.at("hex").at("/dev/zero").get_string().size(), 2 * agent_protocol::max_hex);
}

TEST_F(DispatchTest, RefusesAReportThatDoesNotFitIntoALine) {
  const object answer = ask(R"({"id": 3, "run": "report", "files": ["/dev/zero"]})");  // \u0000 each
  EXPECT_EQ(answer.at("type"), "result");
  EXPECT_THAT(std::string(answer.at("error").get_string()), HasSubstr("ask for less at a time"));
  EXPECT_FALSE(ok_);
}

TEST_F(DispatchTest, KeepsWhatNeedsTheSecondKernelOutOfTheFirst) {
  EXPECT_THAT(error_of(R"({"id": 1, "run": "vmcore.headers"})"), HasSubstr("only the second kernel"));
  EXPECT_THAT(error_of(R"({"id": 1, "run": "capture", "format": "elf", "device": "/dev/vda"})"),
              HasSubstr("only the second kernel"));
}

TEST_F(DispatchTest, TellsBeforeItAnswersThatATriggerCannotWork) {
  EXPECT_EQ(error_of(R"({"id": 1, "run": "trigger", "kind": "oops"})"), "argument 'module' is missing");
  EXPECT_EQ(flushes_, 0);
}

TEST_F(DispatchTest, WaitsOnTrigger) {
  EXPECT_EQ(ask(R"({"id": 1, "run": "trigger", "kind": "wait"})").at("ok"), true);
}

TEST_F(DispatchTest, TellsWhenAWatchedTaskFails) {
  const pid_t pid = start_task("fails", -1, [] { return ENOENT; }).value();
  session_.watched.push_back({pid, 9, "trigger oops"});
  while (!session_.watched.empty()) reap_children(session_);
  ASSERT_EQ(messages_.size(), 1U);
  EXPECT_EQ(messages_[0].at("type"), "failed");
  EXPECT_EQ(messages_[0].at("id"), 9);
  EXPECT_EQ(messages_[0].at("error"), "trigger oops: No such file or directory");
}

TEST_F(DispatchTest, DoesAWorkloadBeforeItAnswers) {
  EXPECT_EQ(ask(R"({"id": 1, "run": "workload", "name": "memory", "memory_mib": 1})").at("ok"), true);
  const auto several =
      ask(R"({"id": 1, "run": "workload", "name": "memory", "memory_mib": 1, "times": 2, "tasks": 3})");
  EXPECT_EQ(several.at("data"), boost::json::parse(R"({"workload": "memory", "done": 6})"));
  EXPECT_TRUE(session_.watched.empty());
  EXPECT_THAT(error_of(R"({"id": 1, "run": "workload", "name": "rtas"})"), HasSubstr("no RTAS"));
  EXPECT_EQ(error_of(R"({"id": 1, "run": "workload", "name": "dance"})"), "unknown workload 'dance'");
}

TEST_F(DispatchTest, LetsAWorkloadGoOnInTheBackground) {
  ask(R"({"id": 5, "run": "workload", "name": "memory", "memory_mib": 1, "background": true})");
  ASSERT_TRUE(ok_);
  ASSERT_EQ(session_.watched.size(), 1U);
  EXPECT_TRUE(reap_children(session_));  // it goes on
  ::kill(session_.watched[0].pid, SIGTERM);
  while (reap_children(session_)) continue;
  EXPECT_EQ(messages_.back().at("type"), "failed");
  EXPECT_EQ(messages_.back().at("error"), "workload memory: the workload's task was killed by signal 15");
}

TEST_F(DispatchTest, TellsThatTheKernelSurvivedItsTrigger) {
  const object answer = ask(
      R"({"id": 6, "run": "trigger", "kind": "workload", "workload": {"name": "memory", "memory_mib": 1}})");
  EXPECT_EQ(answer.at("ok"), true);
  EXPECT_EQ(flushes_, 1);
  while (reap_children(session_)) continue;
  EXPECT_EQ(messages_.back().at("type"), "survived");
  EXPECT_EQ(messages_.back().at("id"), 6);
  EXPECT_EQ(messages_.back().at("reached"), false);
  EXPECT_EQ(messages_.back().at("words"), "the workload ended and nothing crashed");
  EXPECT_TRUE(session_.watched.empty());
}

TEST_F(DispatchTest, TellsBeforeItAnswersThatATriggersWorkloadCannotBeDone) {
  EXPECT_EQ(error_of(R"({"id": 1, "run": "trigger", "kind": "workload"})"), "argument 'workload' is missing");
  EXPECT_THAT(error_of(R"({"id": 1, "run": "trigger", "kind": "workload", "workload": {"name": "rtas"}})"),
              HasSubstr("no RTAS"));
  EXPECT_FALSE(ok_);
  EXPECT_EQ(flushes_, 0);
}

TEST_F(DispatchTest, SleepsNotForEver) {
  EXPECT_EQ(ask(R"({"id": 1, "run": "sleep", "ms": 1})").at("ok"), true);
  EXPECT_EQ(error_of(R"({"id": 1, "run": "sleep", "ms": 600001})"), "'ms' must be 0 to 600000");
}

}  // namespace
}  // namespace crashpath
