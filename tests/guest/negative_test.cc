// Guests that must not reach the end: each ends at the right stage with the right words, which the scenario
// itself asks.

#include "tests/guest/program.h"

namespace crashpath {
namespace {

void expect_to_end_where_they_say(const std::string& arch, const std::vector<std::string>& scenarios) {
  const Workspace workspace;
  const auto run = workspace.path() / "run";
  std::vector<std::string> what = {"--arch", arch};
  for (const auto& scenario : scenarios) what.insert(what.end(), {"--scenario", scenario});
  const auto output = run_program(crashpath_run(run, what));
  EXPECT_EQ(output.exit_code, 0) << output.out << output.err;
  const auto results = read_results(run);
  EXPECT_EQ(stage(find_trial(results, arch, "panic.no-crashkernel")), "arm");
  EXPECT_EQ(stage(find_trial(results, arch, "panic.capture-without-init")), "second-kernel");
}

TEST(Negative, ScenariosOfArm64EndWhereTheySayTheyDo) {
  expect_to_end_where_they_say(
      "arm64", {"panic.no-crashkernel", "panic.crashkernel-too-small", "panic.capture-without-init",
                "panic.corrupt-capture-image", "panic.second-kernel-oom-*"});
}

// What is not another thing than on arm64 is left to a run of all scenarios: firmware alone takes 5 s here.
TEST(Negative, ScenariosOfPseriesEndWhereTheySayTheyDo) {
  expect_to_end_where_they_say(
      "pseries", {"panic.no-crashkernel", "panic.capture-without-init", "panic.corrupt-capture-image"});
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
