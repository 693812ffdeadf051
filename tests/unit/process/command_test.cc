#include "harness/process/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace crashpath {
namespace {

using std::chrono::seconds;
using testing::EndsWith;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

Command shell(std::string script) {
  return {.argv = {"sh", "-c", std::move(script)}};
}

TEST(Command, KeepsOutputErrorAndExitStatusApart) {
  const auto result = run_command(shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->exit_code, 3);
  EXPECT_EQ(result->out, "out\n");
  EXPECT_EQ(result->err, "err\n");
}

TEST(Command, SaysTheSignalAsShellsDo) {
  const auto result = run_command(shell("kill -TERM $$"));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->exit_code, 128 + 15);
}

TEST(Command, CollectsOutputLargerThanAnyPipe) {
  const auto result = run_command(shell("head -c 5000000 /dev/zero; head -c 3000000 /dev/zero >&2"));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->out.size(), 5000000u);
  EXPECT_EQ(result->err.size(), 3000000u);
}

TEST(Command, ReadsNothingFromOurStandardInput) {
  const auto result = run_command({.argv = {"cat"}, .timeout = seconds(20)});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->out, "");
}

TEST(Command, GivesItsInput) {
  const auto result = run_command({.argv = {"tr", "a", "b"}, .input = "banana\n"});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->out, "bbnbnb\n");
}

TEST(Command, GivesEnvironmentOnTopOfOursAndADirectory) {
  ::setenv("CRASHPATH_TEST_OURS", "old", 1);
  Command command = shell("echo $CRASHPATH_TEST_OURS $ADDED; pwd");
  command.environment = {{"CRASHPATH_TEST_OURS", "new"}, {"ADDED", "a b"}};
  command.directory = "/usr";
  const auto result = run_command(command);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->out, "new a b\n/usr\n");
}

TEST(Command, KillsTheWholeProcessGroupAtItsTimeout) {
  Command command = shell("echo started >&2; sleep 300 & sleep 300; echo not reached");
  command.timeout = seconds(1);
  const auto began = Clock::now();
  const auto result = run_command(command);
  ASSERT_FALSE(result);
  EXPECT_LT(Clock::now() - began, seconds(20));
  EXPECT_EQ(result.error().fault(), Fault::host);
  EXPECT_THAT(result.error().message(), HasSubstr("within 1 s"));
  EXPECT_THAT(result.error().message(), HasSubstr("started"));
}

TEST(Command, EndsThoughAProcessItLeftBehindKeepsItsOutputOpen) {
  Command command = shell("sleep 30 & echo $!");
  command.timeout = seconds(20);
  const auto result = run_command(command);
  ASSERT_TRUE(result) << result.error().to_string();
  ::kill(std::stoi(result->out), SIGKILL);
}

TEST(Command, NamesAProgramThatIsMissing) {
  const auto result = run_command({.argv = {"crashpath-no-such-program", "x"}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault(), Fault::host);
  EXPECT_THAT(result.error().message(), HasSubstr("crashpath-no-such-program"));
  EXPECT_FALSE(result.error().hint().empty());
}

TEST(Command, SaysWhyAProgramDoesNotStart) {
  const auto result = run_command({.argv = {"/etc/passwd"}});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), HasSubstr("/etc/passwd: Permission denied"));
}

TEST(Command, SaysThatTheDirectoryIsMissing) {
  Command command = shell("true");
  command.directory = "/no/such/directory";
  EXPECT_FALSE(run_command(command));
}

TEST(Command, RunsFromManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 25; ++n) {
        const auto result = run_command({.argv = {"echo", "hello"}, .timeout = seconds(30)});
        if (result && result->out == "hello\n") ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 100);
}

TEST(CommandOutput, IsAnErrorWithTheEndOfStandardError) {
  EXPECT_EQ(command_output(shell("echo fine")).value(), "fine\n");
  const auto result = command_output(shell("seq 100000 >&2; echo the reason >&2; exit 7"));
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), HasSubstr("exit status 7"));
  EXPECT_THAT(result.error().message(), EndsWith("the reason"));
  EXPECT_LT(result.error().message().size(), 4000u);
}

TEST(ShellQuote, RoundTripsThroughAShell) {
  for (const std::string word :
       {"plain-1.2/x=y", "", "two words", "it's", "$HOME `id` \"q\" \\", "a\nb", "*"}) {
    EXPECT_EQ(command_output(shell("printf %s " + shell_quote(word))).value(), word);
  }
  EXPECT_EQ(shell_quote("plain-1.2/x=y"), "plain-1.2/x=y");
}

TEST(CommandToShell, RunsTheSameCommand) {
  const Command command{.argv = {"sh", "-c", "echo \"$0 $A\" $PWD", "it's"},
                        .environment = {{"A", "x y"}},
                        .directory = "/usr"};
  EXPECT_EQ(command_output(shell(command.to_shell())).value(), run_command(command)->out);
}

TEST(FindProgram, FindsOnlyWhatCanBeRun) {
  EXPECT_EQ(find_program("sh").filename(), "sh");
  EXPECT_TRUE(find_program("sh").is_absolute());
  EXPECT_TRUE(find_program("crashpath-no-such-program").empty());
}

}  // namespace
}  // namespace crashpath
