// A GoogleTest case for every trial of a plan: scenario, kernel and machine. The plan, the verdicts and their
// words are those of `crashpath run`, whose options this program takes behind GoogleTest's.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "cli/errors.h"
#include "cli/run_images.h"
#include "cli/run_options.h"
#include "cli/signals.h"
#include "cli/trial_series.h"
#include "harness/report/terminal.h"

namespace crashpath {
namespace {

/// Carries out a trial and says what came of it in GoogleTest's terms.
class ScenarioCase : public testing::Test {
 public:
  ScenarioCase(TrialSeries& series, std::filesystem::path output, const PlannedTrial& trial)
      : series_(series), output_(std::move(output)), trial_(trial) {}

  void TestBody() override {
    const auto carried_out = series_.carry_out({trial_});
    ASSERT_TRUE(carried_out) << carried_out.error().to_string();
    ASSERT_FALSE(series_.results().trials.empty()) << "interrupted";
    const TrialResult& result = series_.results().trials.back();
    ASSERT_EQ(result.id, trial_.id) << "interrupted";
    const Verdict& verdict = result.verdict;
    if (verdict.outcome == Outcome::skip) GTEST_SKIP() << verdict.words;
    if (verdict.outcome == Outcome::xfail) GTEST_SKIP() << "known issue: " << verdict.known_issue;
    if (verdict.outcome != Outcome::pass) FAIL() << to_terminal(result, output_ / trial_.id, Terminal());
  }

 private:
  TrialSeries& series_;
  std::filesystem::path output_;
  const PlannedTrial& trial_;
};

/// GoogleTest's names are C++ identifiers.
std::string identifier(std::string_view text) {
  std::string name(text);
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  std::replace_if(
      name.begin(), name.end(), [&](char c) { return !allowed(c); }, '_');
  return name;
}

void register_case(TrialSeries& series, const std::filesystem::path& output, const PlannedTrial& trial) {
  const std::string what = fmt::format("{}-{}", trial.scenario->name, trial.repetition);
  const std::string guest = trial.id.substr(0, trial.id.size() - what.size() - 1);
  testing::RegisterTest(identifier(guest).c_str(), identifier(what).c_str(), nullptr, trial.id.c_str(),
                        trial.scenario->file.c_str(), 1, [&series, output, &trial]() -> testing::Test* {
                          return new ScenarioCase(series, output, trial);
                        });
}

/// Shards have a directory each.
std::filesystem::path directory_of_shard(const std::filesystem::path& output) {
  const char* total = std::getenv("GTEST_TOTAL_SHARDS");
  const char* index = std::getenv("GTEST_SHARD_INDEX");
  if (output.empty() || total == nullptr || index == nullptr) return output;
  return output / fmt::format("shard-{}-of-{}", index, total);
}

Result<int> run_cases(const RunOptions& options) {
  const Context context =
      CP_TRY(load_context_with_scenarios(options.scenario_directories, !options.only_given_scenarios));
  RunImages images(options.mirror);
  const auto trials = CP_TRY(plan_run(options, context, images));
  const bool only_list = testing::GTEST_FLAG(list_tests);
  const auto output =
      only_list ? std::filesystem::path() : CP_TRY(make_run_directory(directory_of_shard(options.output)));
  const auto places =
      only_list ? std::vector<std::shared_ptr<void>>() : CP_TRY(open_machines(options.machines));
  Interruption interruption;
  const InterruptionBySignal signals(interruption);
  TrialSeries series(context, output, {.jobs = 1, .cold = options.cold}, interruption);
  for (const PlannedTrial& trial : trials) register_case(series, output, trial);
  return RUN_ALL_TESTS();
}

}  // namespace
}  // namespace crashpath

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  crashpath::RunOptions options;
  CLI::App app{"Every trial of a plan as a GoogleTest case; options as `crashpath run` takes them.",
               "scenario_cases"};
  crashpath::add_run_options(app, options);
  CLI11_PARSE(app, argc, argv);
  const auto status = crashpath::run_cases(options);
  return status ? *status : crashpath::report_error(status.error());
}
