// RTAS and its work areas on real pseries guests: a CPU that is stuck in RTAS, in both directions, and
// work areas that are lost, jump the queue or lie too high.

#include "tests/guest/program.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

TEST(Rtas, AStuckCpuHangsTheCrashAndWithABufferOfItsOwnTheCrashGoesOn) {
  const Workspace workspace;
  const auto run = workspace.path() / "run";
  const auto output = run_program(crashpath_run(
      run, {"--arch", "pseries", "--scenario", "rtas.held-xics", "--scenario", "rtas.held-xics-emergency"}));
  EXPECT_EQ(output.exit_code, 0) << output.out << output.err;
  const auto results = read_results(run);
  const auto hung = find_trial(results, "pseries", "rtas.held-xics");
  EXPECT_EQ(outcome(hung), "xfail");
  EXPECT_EQ(stage(hung), "handover");
  EXPECT_THAT(std::string(hung.at("words").as_string()), HasSubstr("CPU 0 waits for rtas_lock"));
  const auto went_on = find_trial(results, "pseries", "rtas.held-xics-emergency");
  EXPECT_EQ(outcome(went_on), "pass");
  EXPECT_EQ(outcome(*find_check(went_on, "rtas.held-args")), "pass");
}

TEST(WorkArea, EachMutationFailsTheCheckThatIsMeantForIt) {
  expect_noticed("mutation.workarea-*",
                 {{"mutation.workarea-leak", "workarea.pool", "given out, but nobody has it"},
                  {"mutation.workarea-unfair", "workarea.fair", "were overtaken, most of all the one for"},
                  {"mutation.workarea-high", "workarea.arena", "is out of RTAS' reach"},
                  {"mutation.workarea-unlocked", "workarea.data-buffer", "given up when busy, 0 failed"}});
}

}  // namespace
}  // namespace crashpath
