// Guests that must not reach the end: each ends at the right stage with the right words, which the scenario
// itself asks.

#include "tests/guest/program.h"

namespace crashpath {
namespace {

TEST(Negative, ScenariosEndWhereTheySayTheyDo) {
  const Workspace workspace;
  const auto run = workspace.path() / "run";
  const auto output = run_program(crashpath_run(
      run, {"-j2", "--arch", "arm64,pseries", "--scenario", "panic.no-crashkernel", "--scenario",
            "panic.crashkernel-too-small", "--scenario", "panic.capture-without-init", "--scenario",
            "panic.corrupt-capture-image", "--scenario", "panic.second-kernel-oom-*"}));
  EXPECT_EQ(output.exit_code, 0) << output.out << output.err;
  const auto results = read_results(run);
  for (const char* arch : {"arm64", "pseries"}) {
    EXPECT_EQ(stage(find_trial(results, arch, "panic.no-crashkernel")), "arm");
    EXPECT_EQ(stage(find_trial(results, arch, "panic.capture-without-init")), "second-kernel");
  }
}

// The same guests judged by a scenario that expects a dump: they fail, and say at which stage and why.
TEST(Negative, WithoutTheExpectationTheyFail) {
  const Workspace workspace;
  const auto run = workspace.path() / "run";
  const auto output = run_program(crashpath_run(
      run, {"--arch", "arm64", "--scenario-dir", kScenarios, "--scenario", "mutation.no-crashkernel"}));
  EXPECT_EQ(output.exit_code, 1) << output.out << output.err;
  EXPECT_EQ(stage(find_trial(read_results(run), "arm64", "mutation.no-crashkernel")), "arm");
}

}  // namespace
}  // namespace crashpath
