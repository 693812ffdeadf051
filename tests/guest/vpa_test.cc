// VPAs of real pseries guests: what the kernel does passes, and each mutation fails the check that is meant
// for it.

#include "tests/guest/program.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

TEST(Vpa, WhatAKernelDoesWithItsVpasPasses) {
  const Workspace workspace;
  const auto run = workspace.path() / "run";
  const auto output = run_program(crashpath_run(
      run, {"--arch", "pseries", "--scenario", "vpa.second-kernel-one-cpu", "--scenario", "vpa.kexec"}));
  EXPECT_EQ(output.exit_code, 0) << output.out << output.err;
  const auto trial = find_trial(read_results(run), "pseries", "vpa.second-kernel-one-cpu");
  EXPECT_EQ(outcome(*find_check(trial, "vpa.policy")), "pass");
}

TEST(Vpa, EveryMutationFailsTheCheckThatIsMeantForIt) {
  expect_noticed("mutation.vpa-*",
                 {{"mutation.vpa-in-reservation", "vpa.placement", "is in the crash kernel's reservation"},
                  {"mutation.vpa-odd", "vpa.placement", "is not at a multiple of 0x400"},
                  {"mutation.vpa-misaligned", "vpa.complaints", "VPA registration for cpu 3"},
                  {"mutation.vpa-crossing", "vpa.complaints", "VPA registration for cpu 3"},
                  {"mutation.vpa-dropped", "vpa.policy", "dropped; deregistered"},
                  {"mutation.vpa-mixed", "vpa.policy", "mixed; "}});
}

}  // namespace
}  // namespace crashpath
