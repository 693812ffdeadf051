#include "harness/process/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "harness/base/file.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    read = UniqueFd(ends[0]);
    write = UniqueFd(ends[1]);
  }
  /// What is written until every writer is gone.
  std::string rest() {
    write.reset();
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = ::read(read.get(), buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<size_t>(n));
    return text;
  }
  UniqueFd read, write;
};

TEST(Child, ReportsItsExitOnce) {
  boost::asio::io_context io;
  int calls = 0;
  std::optional<ChildExit> exit;
  auto child = Child::start(io, {.argv = {"sh", "-c", "exit 5"}}, [&](ChildExit e) {
    ++calls;
    exit = e;
  });
  ASSERT_TRUE(child);
  EXPECT_FALSE(child->exit());
  io.run();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(exit->exit_code, 5);
  EXPECT_FALSE(exit->signal);
  EXPECT_EQ(child->end().exit_code, 5);
}

TEST(Child, EndKillsReapsAndSilencesItsHandler) {
  boost::asio::io_context io;
  int calls = 0;
  auto child = Child::start(io, {.argv = {"sleep", "300"}}, [&](ChildExit) { ++calls; });
  ASSERT_TRUE(child);
  EXPECT_EQ(child->end().signal, SIGKILL);
  EXPECT_EQ(child->end().status(), 128 + SIGKILL);
  EXPECT_EQ(::kill(child->pid(), 0), -1);
  io.run();
  EXPECT_EQ(calls, 0);
}

TEST(Child, KillIsReportedThroughTheHandler) {
  boost::asio::io_context io;
  std::optional<ChildExit> exit;
  auto child = Child::start(io, {.argv = {"sleep", "300"}}, [&](ChildExit e) { exit = e; });
  ASSERT_TRUE(child);
  child->kill();
  io.run();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->signal, SIGKILL);
}

TEST(Child, DestructionEndsIt) {
  boost::asio::io_context io;
  pid_t pid = 0;
  {
    auto child = Child::start(io, {.argv = {"sleep", "300"}}, {});
    ASSERT_TRUE(child);
    pid = child->pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(Child, GetsOnlyTheDescriptorsItIsGiven) {
  boost::asio::io_context io;
  Pipe out, given;
  const UniqueFd inheritable(::dup(out.read.get()));
  const std::string script = fmt::format("test -e /dev/fd/{} && echo leaked; echo through > /dev/fd/{}",
                                         inheritable.get(), given.write.get());
  auto child = Child::start(
      io, {.argv = {"sh", "-c", script}, .out = out.write.get(), .inherit = {given.write.get()}}, {});
  ASSERT_TRUE(child);
  EXPECT_EQ(given.rest(), "through\n");
  EXPECT_EQ(out.rest(), "");
}

TEST(Child, StartsWithSignalsResetAndWithoutCoreDumps) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &blocked, &before), 0);
  boost::asio::io_context io;
  Pipe out;
  auto child = Child::start(
      io, {.argv = {"sh", "-c", "grep SigBlk /proc/self/status; ulimit -c"}, .out = out.write.get()}, {});
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
  ASSERT_TRUE(child);
  EXPECT_EQ(out.rest(), "SigBlk:\t0000000000000000\n0\n");
}

TEST(Child, DropsToAnotherUser) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can";
  const auto nobody = find_nobody();
  ASSERT_TRUE(nobody);
  boost::asio::io_context io;
  Pipe out;
  auto child = Child::start(
      io, {.argv = {"sh", "-c", "id -u; id -g; id -G"}, .out = out.write.get(), .user = nobody}, {});
  ASSERT_TRUE(child) << child.error().to_string();
  EXPECT_EQ(out.rest(), fmt::format("{0}\n{1}\n{1}\n", nobody->uid, nobody->gid));
}

/// A process that starts a `sleep` as `options` say, tells its pid, and waits to be killed.
std::pair<pid_t, pid_t> start_owner(ChildOptions options) {
  Pipe pids;
  const pid_t owner = ::fork();
  if (owner == 0) {
    boost::asio::io_context io;
    options.argv = {"sleep", "300"};
    auto child = Child::start(io, options, {});
    const pid_t pid = child ? child->pid() : -1;
    if (::write(pids.write.get(), &pid, sizeof pid) != sizeof pid) ::_exit(1);
    for (;;) ::pause();
  }
  pid_t child = -1;
  EXPECT_EQ(::read(pids.read.get(), &child, sizeof child), static_cast<ssize_t>(sizeof child));
  return {owner, child};
}

/// Gone, or a zombie that only waits for whoever inherited it.
bool is_dead(pid_t pid) {
  const auto status = read_file(fmt::format("/proc/{}/stat", pid));
  return !status || status->find(") Z ") != std::string::npos;
}

void expect_child_dies_with_owner(const ChildOptions& options) {
  const auto [owner, child] = start_owner(options);
  ASSERT_GT(child, 0);
  EXPECT_FALSE(is_dead(child));
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  for (int i = 0; i < 1000 && !is_dead(child); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_TRUE(is_dead(child));
}

TEST(Child, DiesWhenItsParentIsKilled) {
  expect_child_dies_with_owner({});
}

TEST(Child, DiesWhenItsParentIsKilledAlsoAsAnotherUser) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can";
  expect_child_dies_with_owner({.argv = {}, .user = find_nobody()});
}

TEST(Child, LeavesNoZombieWhenTheProgramCannotStart) {
  boost::asio::io_context io;
  EXPECT_FALSE(Child::start(io, {.argv = {"/etc/passwd"}}, {}));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

}  // namespace
}  // namespace crashpath
