// Guests whose LPI tables or memreserve list a probe breaks, each in one way: the check that is there for it
// notices, and nothing passes because the probe did nothing.

#include "tests/guest/program.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

struct BrokenTable {
  const char* kind;   ///< of the probe memreserve_mutate
  const char* check;  ///< that fails
};
constexpr BrokenTable kAll[] = {{"drop", "memreserve.every-table-reserved-once"},
                                {"flag", "memreserve.every-table-reserved-once"},
                                {"twice", "memreserve.every-table-reserved-once"},
                                {"damage", "memreserve.every-table-reserved-once"},
                                {"free", "memreserve.tables-kept"},
                                {"reuse", "memreserve.tables-kept"}};

TEST(Memreserve, EachMutationIsNoticed) {
  const Workspace workspace;
  const auto run = workspace.path() / "run";
  std::vector<std::string> arguments{"-j2", "--arch", "arm64", "--scenario-dir", kMutations};
  for (const BrokenTable& mutation : kAll)
    arguments.insert(arguments.end(), {"--scenario", fmt::format("mutation.memreserve-{}", mutation.kind)});
  const auto output = run_program(crashpath_run(run, arguments));
  EXPECT_EQ(output.exit_code, 1) << output.out << output.err;
  const auto results = read_results(run);
  for (const BrokenTable& mutation : kAll) {
    const std::string name = fmt::format("mutation.memreserve-{}", mutation.kind);
    const auto trial = find_trial(results, "arm64", name);
    const auto* check = find_check(trial, mutation.check);
    ASSERT_NE(check, nullptr) << name;
    EXPECT_EQ(outcome(*check), "fail") << name;
    const std::string id(trial.at("id").as_string());
    EXPECT_THAT(read_file(run / id / "console-first.log").value(),
                HasSubstr(fmt::format("crashpath: memreserve_mutate: done: {} cpu=1 ", mutation.kind)));
  }
}

}  // namespace
}  // namespace crashpath
