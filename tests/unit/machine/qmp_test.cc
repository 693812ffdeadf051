#include "harness/machine/qemu/qmp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

namespace crashpath {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kGreeting = "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n";

/// The other end of a monitor, played by the test.
class QmpTest : public testing::Test {
 protected:
  QmpTest() {
    auto pair = make_socket_pair().value();
    server_ = std::move(pair.theirs);
    qmp_.emplace(io_, std::move(pair.ours),
                 Qmp::Handler{[this](HypervisorEvent event) { events_.push_back(event.name); },
                              [this](std::string_view direction, std::string_view line) {
                                lines_.push_back(std::string(direction) + " " + std::string(line));
                              },
                              [this] { ++ends_; }});
  }
  ~QmpTest() override {
    if (thread_.joinable()) thread_.join();
  }

  void send(std::string_view text) { ASSERT_TRUE(write_all(server_.get(), text, "socket")); }

  std::string receive() {
    std::string line;
    char c = 0;
    while (::read(server_.get(), &c, 1) == 1 && c != '\n') line += c;
    return line;
  }

  /// Answers each command that comes with the next of these; %d is nothing, the id is in the answer's text.
  void serve(std::vector<std::string> answers) {
    thread_ = std::thread([this, answers = std::move(answers)] {
      for (const auto& answer : answers) {
        receive();
        if (!write_all(server_.get(), answer, "socket")) return;
      }
    });
  }

  Result<boost::json::value> execute(std::string_view command, Clock::duration time = 20s) {
    return qmp_->execute(command, {}, Clock::now() + time);
  }

  boost::asio::io_context io_;
  UniqueFd server_;
  std::optional<Qmp> qmp_;
  std::vector<std::string> events_;
  std::vector<std::string> lines_;
  int ends_ = 0;
  std::thread thread_;
};

TEST_F(QmpTest, NegotiatesAndRecordsEveryLine) {
  send(kGreeting);
  serve({"{\"return\": {}, \"id\": 1}\r\n"});
  ASSERT_TRUE(qmp_->negotiate(Clock::now() + 20s));
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("in {\"QMP\""), "out {\"execute\":\"qmp_capabilities\",\"id\":1}",
                                  "in {\"return\": {}, \"id\": 1}"));
}

TEST_F(QmpTest, EventsComeBetweenCommandAndAnswer) {
  serve(
      {"{\"event\": \"STOP\"}\r\n{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true}}\r\n"
       "{\"return\": {\"a\": 1}, \"id\": 1}\r\n"});
  const auto result = execute("stop");
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(result->at("a").as_int64(), 1);
  EXPECT_THAT(events_, ElementsAre("STOP", "SHUTDOWN"));
}

TEST_F(QmpTest, ARefusalIsAnErrorWithItsWords) {
  serve(
      {"{\"id\": 1, \"error\": {\"class\": \"GenericError\", \"desc\": \"machine does not provide "
       "NMIs\"}}\n"});
  const auto result = execute("inject-nmi");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault(), Fault::host);
  EXPECT_EQ(result.error().message(), "QMP inject-nmi: machine does not provide NMIs");
}

TEST_F(QmpTest, SilenceEndsAtTheDeadline) {
  const auto began = Clock::now();
  const auto result = execute("stop", 100ms);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), HasSubstr("did not answer"));
  EXPECT_GE(Clock::now() - began, 100ms);
  // The late answer is not taken for that of the next command.
  serve({"", "{\"return\": \"late\", \"id\": 1}\n{\"return\": \"right\", \"id\": 2}\n"});
  EXPECT_EQ(execute("cont").value(), "right");
}

TEST_F(QmpTest, AClosedMonitorIsAnErrorAtOnceAndEverAfter) {
  thread_ = std::thread([this] {
    receive();
    server_.reset();
  });
  const auto result = execute("stop");
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), HasSubstr("closed its monitor"));
  EXPECT_FALSE(execute("cont"));
  EXPECT_FALSE(qmp_->is_open());
  EXPECT_EQ(ends_, 1);
}

TEST_F(QmpTest, GarbageIsAnErrorThatShowsIt) {
  send("Segmentation fault\n");
  const auto result = qmp_->negotiate(Clock::now() + 20s);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault(), Fault::host);
  EXPECT_THAT(result.error().message(), HasSubstr("Segmentation fault"));
  EXPECT_EQ(ends_, 1);
}

TEST_F(QmpTest, OddButValidJsonDoesNoHarm) {
  serve(
      {"{}\n{\"event\": 3}\n{\"event\": \"X\", \"data\": []}\n{\"return\": 1}\n{\"id\": \"1\"}\n{\"id\": 1, "
       "\"error\": 5}\n"});
  EXPECT_FALSE(execute("stop"));
  EXPECT_THAT(events_, ElementsAre("", "X"));
  EXPECT_TRUE(qmp_->is_open());
}

TEST_F(QmpTest, AnEndlessLineIsRefused) {
  thread_ = std::thread([this] {
    const std::string part(1 << 20, 'x');
    while (write_all(server_.get(), part, "socket")) {
    }
  });
  ::signal(SIGPIPE, SIG_IGN);
  const auto result = qmp_->negotiate(Clock::now() + 30s);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), HasSubstr("more than"));
}

TEST_F(QmpTest, DeeplyNestedJsonIsRefused) {
  send(std::string(100000, '[') + "\n");
  EXPECT_FALSE(qmp_->negotiate(Clock::now() + 20s));
}

}  // namespace
}  // namespace crashpath
