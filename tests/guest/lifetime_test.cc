// Guests never outlive us, and the results of earlier trials survive what ends a run.

#include <signal.h>

#include <boost/asio/io_context.hpp>
#include <fstream>
#include <sstream>
#include <thread>

#include "harness/process/child.h"
#include "tests/guest/program.h"

namespace crashpath {
namespace {

using std::chrono::steady_clock;
using testing::HasSubstr;

std::vector<int> children_of(pid_t pid) {
  std::vector<int> children;
  std::error_code code;
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", code)) {
    const auto text = read_file(task.path() / "children");
    std::istringstream list(text ? *text : std::string());
    for (int child = 0; list >> child;) children.push_back(child);
  }
  return children;
}

bool alive(int pid) {
  const auto status = read_file("/proc/" + std::to_string(pid) + "/stat");
  return status && status->find(") Z ") == std::string::npos;
}

/// The program running in the background, its output in files of the workspace.
class BackgroundRun {
 public:
  BackgroundRun(const Workspace& workspace, std::vector<std::string> arguments)
      : out_(open_file(workspace.path() / "out", O_CREAT | O_WRONLY).value()) {
    ChildOptions options{.argv = crashpath_run(workspace.path() / "run", std::move(arguments))};
    options.out = options.err = out_.get();
    child_.emplace(Child::start(io_, options, [this](ChildExit exit) { exit_ = exit; }).value());
  }
  pid_t pid() const { return child_->pid(); }

  /// QEMUs of the run, once there are as many.
  std::vector<int> await_guests(size_t count) {
    std::vector<int> guests;
    EXPECT_TRUE(until([&] { return (guests = children_of(pid())).size() >= count; }))
        << "no guests were started";
    return guests;
  }
  ChildExit await_exit() {
    EXPECT_TRUE(until([&] { return exit_.has_value(); })) << "the program did not end";
    return exit_.value_or(ChildExit{});
  }
  bool until(const std::function<bool()>& condition, std::chrono::seconds limit = std::chrono::seconds(300)) {
    const auto deadline = steady_clock::now() + limit;
    while (!condition() && steady_clock::now() < deadline) {
      io_.restart();
      io_.run_for(std::chrono::milliseconds(20));
    }
    return condition();
  }

 private:
  boost::asio::io_context io_;
  UniqueFd out_;
  std::optional<Child> child_;
  std::optional<ChildExit> exit_;
};

bool wait_until_dead(BackgroundRun& run, const std::vector<int>& pids) {
  return run.until([&] { return std::none_of(pids.begin(), pids.end(), alive); }, std::chrono::seconds(20));
}

TEST(Lifetime, AKilledQemuIsAnErrorAndTheOtherTrialPasses) {
  const Workspace workspace;
  BackgroundRun run(workspace, {"-j2", "--arch", "arm64", "--scenario", "panic.sysrq", "--repeat", "2"});
  const auto guests = run.await_guests(2);
  ASSERT_EQ(guests.size(), 2u);
  kill(guests[0], SIGKILL);
  EXPECT_EQ(run.await_exit().exit_code, 3);
  const auto results = read_results(workspace.path() / "run");
  std::multiset<std::string> outcomes;
  for (const auto& trial : results.at("trials").as_array()) outcomes.insert(outcome(trial.as_object()));
  EXPECT_EQ(outcomes, (std::multiset<std::string>{"error", "pass"}));
}

TEST(Lifetime, CtrlCEndsGuestsAndWritesTheReport) {
  const Workspace workspace;
  BackgroundRun run(workspace, {"-j2", "--arch", "arm64,pseries", "--scenario", "panic.sysrq"});
  const auto guests = run.await_guests(2);
  kill(run.pid(), SIGINT);
  EXPECT_NE(run.await_exit().exit_code, 0);
  EXPECT_TRUE(wait_until_dead(run, guests));
  const auto results = read_results(workspace.path() / "run");
  for (const auto& trial : results.at("trials").as_array()) EXPECT_EQ(outcome(trial.as_object()), "error");
}

TEST(Lifetime, SigkillOfTheHarnessLeavesNoGuestAndKeepsWhatWasRecorded) {
  const Workspace workspace;
  BackgroundRun run(workspace,
                    {"-j1", "--arch", "arm64", "--scenario", "panic.no-crashkernel", "--repeat", "2"});
  const auto results = workspace.path() / "run" / "results.json";
  ASSERT_TRUE(run.until([&] { return std::filesystem::exists(results); })) << "no trial ended";
  const auto guests = run.await_guests(1);
  kill(run.pid(), SIGKILL);
  EXPECT_EQ(run.await_exit().signal, SIGKILL);
  EXPECT_TRUE(wait_until_dead(run, guests));
  EXPECT_EQ(outcome(read_results(workspace.path() / "run").at("trials").at(0).as_object()), "pass");
}

}  // namespace
}  // namespace crashpath
