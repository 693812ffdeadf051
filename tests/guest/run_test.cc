// The main job: real crashes, verified, on both architectures.

#include <boost/algorithm/string.hpp>

#include "tests/guest/program.h"

namespace crashpath {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

/// One default run serves several tests: it is the costly part.
class DefaultRun : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    workspace_ = new Workspace;
    output_ = new CommandOutput(run_program(crashpath_run(run(), {"-j2"})));
  }
  static void TearDownTestSuite() {
    delete output_;
    delete workspace_;
  }
  static std::filesystem::path run() { return workspace_->path() / "run"; }

  static Workspace* workspace_;
  static CommandOutput* output_;
};
Workspace* DefaultRun::workspace_ = nullptr;
CommandOutput* DefaultRun::output_ = nullptr;

TEST_F(DefaultRun, VerifiesOneCrashOnEachArchitecture) {
  ASSERT_EQ(output_->exit_code, 0) << output_->out << output_->err;
  const auto results = read_results(run());
  ASSERT_EQ(results.at("trials").as_array().size(), 2u);
  for (const char* arch : {"arm64", "pseries"}) {
    const auto trial = find_trial(results, arch, "panic.sysrq");
    EXPECT_EQ(outcome(trial), "pass");
    EXPECT_EQ(stage(trial), "verify");
    const json::object* pages = find_check(trial, "vmcore.pages-match-memory");
    ASSERT_NE(pages, nullptr);
    EXPECT_EQ(outcome(*pages), "pass");
    EXPECT_THAT(std::string(pages->at("got").as_string()), ContainsRegex("[1-9][0-9]* .*equal"));
    EXPECT_THAT(output_->out, HasSubstr(arch));
  }
  EXPECT_THAT(output_->out, HasSubstr("vmcore")) << "the paths of the dumps are shown";
}

TEST_F(DefaultRun, ReportsAgreeWithEachOther) {
  const auto ktap = read_file(run() / "results.ktap").value();
  const auto junit = read_file(run() / "junit.xml").value();
  EXPECT_THAT(ktap, HasSubstr("1..2"));
  EXPECT_THAT(junit, HasSubstr("tests=\"2\""));
  EXPECT_THAT(junit, HasSubstr("failures=\"0\""));
}

TEST_F(DefaultRun, CanBeJudgedAgainFromItsEvidenceAlone) {
  const auto again = run_program({CRASHPATH_BINARY, "check", run().native()});
  EXPECT_EQ(again.exit_code, 0) << again.out << again.err;
}

// The check that reads the dump is shown to read the dump: cut it, and judge again.
TEST_F(DefaultRun, ATruncatedDumpFailsWhenJudgedAgain) {
  const auto results = read_results(run());
  const auto id = std::string(find_trial(results, "arm64", "panic.sysrq").at("id").as_string());
  const auto copy = workspace_->path() / "truncated";
  std::filesystem::copy(run() / id, copy, std::filesystem::copy_options::recursive);
  for (const char* name : {"vmcore", "vmcore.kdump"})
    if (std::filesystem::exists(copy / name))
      std::filesystem::resize_file(copy / name, std::filesystem::file_size(copy / name) / 3);
  const auto again = run_program({CRASHPATH_BINARY, "check", copy.native()});
  EXPECT_EQ(again.exit_code, 1) << again.out << again.err;
  EXPECT_THAT(again.out, HasSubstr("vmcore."));
}

TEST_F(DefaultRun, ReplayScriptRunsTheSameGuestWithPlainQemu) {
  const auto results = read_results(run());
  const auto id = std::string(find_trial(results, "arm64", "panic.sysrq").at("id").as_string());
  const auto replay = run_program({"sh", (run() / id / "replay.sh").native()});
  EXPECT_EQ(replay.exit_code, 0) << replay.out << replay.err;
  EXPECT_THAT(replay.out, HasSubstr("sysrq triggered crash"));
  EXPECT_THAT(replay.out, HasSubstr("crashpath: replay: done"));
}

TEST(Run, AScenarioWithATypoNamesFileLineAndColumn) {
  const Workspace workspace;
  ASSERT_TRUE(
      write_file(workspace.path() / "typo.toml", "name = \"user.typo\"\nsummary = \"x\"\nwhi = \"y\"\n"));
  const auto output = run_program(crashpath_run(
      workspace.path() / "run", {"--scenario-dir", workspace.path().native(), "--scenario", "user.typo"}));
  EXPECT_EQ(output.exit_code, 2);
  EXPECT_THAT(output.err, HasSubstr("typo.toml:3:"));
}

TEST(Run, NothingToRunIsSaid) {
  const Workspace workspace;
  const auto output = run_program(crashpath_run(workspace.path() / "run", {"--scenario", "no.such"}));
  EXPECT_EQ(output.exit_code, 4);
  EXPECT_THAT(output.err, HasSubstr("no.such"));
}

TEST(Run, AnUnwritableDirectoryIsAHostError) {
  const auto output = run_program(crashpath_run("/proc/crashpath-run", {"--arch", "arm64"}));
  EXPECT_EQ(output.exit_code, 3);
  EXPECT_THAT(output.err, HasSubstr("/proc/crashpath-run"));
}

// A second kernel that writes into the crashed kernel's memory: the one witness that sees it is the host's
// view.
TEST(Run, AScribblingSecondKernelIsCaught) {
  const Workspace workspace;
  const auto output = run_program(crashpath_run(
      workspace.path() / "run",
      {"--arch", "arm64", "--scenario-dir", kScenarios, "--scenario", "mutation.second-kernel-scribbles"}));
  EXPECT_EQ(output.exit_code, 1) << output.out << output.err;
  const auto trial =
      find_trial(read_results(workspace.path() / "run"), "arm64", "mutation.second-kernel-scribbles");
  for (const char* check : {"vmcore.pages-match-memory", "memory.unchanged-outside"}) {
    const json::object* pages = find_check(trial, check);
    ASSERT_NE(pages, nullptr) << check;
    EXPECT_EQ(outcome(*pages), "fail") << check;
    EXPECT_THAT(std::string(pages->at("got").as_string()), HasSubstr("0x60000000-0x60000fff")) << check;
  }
}

}  // namespace
}  // namespace crashpath
