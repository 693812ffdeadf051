// Scenarios as GoogleTest cases: what a shard does is what the whole does.

#include "tests/guest/program.h"

namespace crashpath {
namespace {

/// "suite.case" and what came of it, as GoogleTest itself reports it.
std::map<std::string, std::string> outcomes(const std::filesystem::path& report) {
  std::map<std::string, std::string> all;
  const auto read = json::parse(read_file(report).value());
  for (const auto& suite : read.at("testsuites").as_array())
    for (const auto& test : suite.at("testsuite").as_array()) {
      const json::object& about = test.as_object();
      const bool ran = about.at("status").as_string() == "RUN";
      if (!ran) continue;
      const std::string name =
          std::string(suite.at("name").as_string()) + "." + std::string(about.at("name").as_string());
      const std::string result =
          about.contains("failures") ? "failed" : std::string(about.at("result").as_string());
      EXPECT_TRUE(all.emplace(name, result).second) << name << " twice";
    }
  return all;
}

CommandOutput run_cases(const Workspace& workspace, const std::string& name,
                        const std::vector<std::string>& environment) {
  std::vector<std::string> argv{"/usr/bin/env"};
  argv.insert(argv.end(), environment.begin(), environment.end());
  argv.insert(
      argv.end(),
      {CRASHPATH_SCENARIO_CASES, "--gtest_output=json:" + (workspace.path() / name).native(), "--output",
       (workspace.path() / "run").native() + (environment.empty() ? "-whole" : ""), "--arch", "arm64",
       "--scenario-dir", CRASHPATH_TESTS_DIR "/bench/scenarios", "--scenario-dir", kScenarios, "--scenario",
       "bench.fork", "--scenario", "mutation.no-crashkernel", "--repeat", "2"});
  return run_program(std::move(argv));
}

TEST(Cases, ShardsTogetherReportWhatTheWholeReports) {
  const Workspace workspace;
  EXPECT_EQ(run_cases(workspace, "whole.json", {}).exit_code, 1);
  const auto whole = outcomes(workspace.path() / "whole.json");
  EXPECT_EQ(whole.size(), 4U);
  EXPECT_EQ(whole.at("arm64_6_12.bench_fork_1"), "COMPLETED");
  EXPECT_EQ(whole.at("arm64_6_12.mutation_no_crashkernel_2"), "failed");

  std::map<std::string, std::string> sharded;
  for (const char* index : {"0", "1", "2"}) {
    const std::string report = std::string(index) + ".json";
    run_cases(workspace, report, {"GTEST_TOTAL_SHARDS=3", std::string("GTEST_SHARD_INDEX=") + index});
    for (const auto& [name, outcome] : outcomes(workspace.path() / report))
      EXPECT_TRUE(sharded.emplace(name, outcome).second) << name << " in two shards";
  }
  EXPECT_EQ(sharded, whole);
}

}  // namespace
}  // namespace crashpath
