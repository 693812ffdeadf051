// Trials that fork from a saved guest, and sweeps, which are made of them.

#include <fstream>
#include <regex>

#include "tests/guest/program.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

const std::string kBenchScenarios = CRASHPATH_TESTS_DIR "/bench/scenarios";

json::object trial_json(const std::filesystem::path& trial) {
  return json::parse(read_file(trial / "trial.json").value()).as_object();
}

/// Name, outcome and expectation of every check: what two starts of the same guest have to agree on.
std::vector<std::string> judgement(const json::object& trial) {
  std::vector<std::string> all = {outcome(trial) + " at " + stage(trial)};
  for (const auto& check : trial.at("checks").as_array())
    all.push_back(outcome(check.as_object()) + " " + std::string(check.at("name").as_string()));
  return all;
}

/// Where `image show` says that a template is.
std::filesystem::path find_template(const std::string& key) {
  const std::string shown = run_program({CRASHPATH_BINARY, "image", "show"}).out;
  const std::regex line("template (\\S+) .* (/.*)");
  for (std::sregex_iterator found(shown.begin(), shown.end(), line), end; found != end; ++found)
    if ((*found)[1] == key) return (*found)[2].str();
  throw std::runtime_error("no template " + key);
}

TEST(Fork, HasTheVerdictsOfAGuestThatBooted) {
  const Workspace workspace;
  const std::vector<std::string> what = {"--scenario-dir", kBenchScenarios, "--scenario", "bench.fork",
                                         "-j2"};
  const auto run = [&](const char* name, std::vector<std::string> more) {
    more.insert(more.end(), what.begin(), what.end());
    const auto output = run_program(crashpath_run(workspace.path() / name, more));
    EXPECT_EQ(output.exit_code, 0) << output.out << output.err;
    return read_results(workspace.path() / name);
  };
  const auto cold = run("cold", {"--cold"});
  const auto forked = run("forked", {"--repeat", "2"});
  for (const char* arch : {"arm64", "pseries"}) {
    const auto trial = find_trial(forked, arch, "bench.fork");
    const auto evidence = workspace.path() / "forked" / std::string(trial.at("id").as_string());
    EXPECT_EQ(trial_json(evidence).at("start"), "fork");
    EXPECT_FALSE(std::filesystem::exists(evidence / "capture.disk"));  // to which nobody wrote
    EXPECT_EQ(judgement(trial), judgement(find_trial(cold, arch, "bench.fork")));
  }
}

TEST(Fork, ATemplateThatIsDamagedIsMadeAgain) {
  const Workspace workspace;
  const std::vector<std::string> what = {"--scenario-dir", kBenchScenarios, "--scenario", "bench.fork",
                                         "--arch",         "arm64",         "--repeat",   "2"};
  ASSERT_EQ(run_program(crashpath_run(workspace.path() / "before", what)).exit_code, 0);
  const auto trial = trial_json(workspace.path() / "before" / "arm64-6.12-bench.fork-1");
  const auto saved = find_template(std::string(trial.at("template").as_string()));
  {
    std::fstream ram(saved / "ram", std::ios::in | std::ios::out | std::ios::binary);
    ram.seekp(static_cast<std::streamoff>(std::filesystem::file_size(saved / "ram") / 2));
    ram.put('\x5a');
  }
  const auto after = run_program(crashpath_run(workspace.path() / "after", what));
  EXPECT_EQ(after.exit_code, 0) << after.out << after.err;
  EXPECT_THAT(after.err, HasSubstr("its RAM is damaged"));
  EXPECT_THAT(after.err, HasSubstr("once for 2 trials"));
}

TEST(Sweep, TellsWhatCrashedFromWhatWasNotReached) {
  const Workspace workspace;
  const auto output = workspace.path() / "sweep";
  // A hotplug cycle takes the CPU down through the first of these, and does not reboot.
  const auto sweep =
      run_program({CRASHPATH_BINARY, "sweep", "--points", "functions", "--arch", "arm64", "--function",
                   "_cpu_down", "--function", "__arm64_sys_reboot", "--output", output.native()});
  EXPECT_EQ(sweep.exit_code, 0) << sweep.out << sweep.err;
  EXPECT_THAT(sweep.out, testing::ContainsRegex("_cpu_down +pass"));
  EXPECT_THAT(sweep.out, HasSubstr("the workload ended and nothing crashed"));
  EXPECT_THAT(sweep.out, HasSubstr("2 trials: 1 pass, 1 skip"));

  const auto continued = run_program({CRASHPATH_BINARY, "sweep", "--continue", output.native()});
  EXPECT_EQ(continued.exit_code, 0) << continued.out << continued.err;
  EXPECT_THAT(continued.out, HasSubstr("2 trials: 1 pass, 1 skip"));
  EXPECT_THAT(continued.err, testing::Not(HasSubstr("start ")));
  EXPECT_TRUE(std::filesystem::exists(output / "report.html"));

  // What cannot be written is an error, but what was found out is said.
  std::filesystem::remove(output / "sweep-summary.json");
  std::filesystem::create_directories(output / "sweep-summary.json");
  const auto unwritten = run_program({CRASHPATH_BINARY, "sweep", "--continue", output.native()});
  EXPECT_EQ(unwritten.exit_code, 3) << unwritten.out << unwritten.err;
  EXPECT_THAT(unwritten.out, HasSubstr("2 trials: 1 pass, 1 skip"));
  EXPECT_THAT(unwritten.err, HasSubstr("sweep-summary.json"));
}

}  // namespace
}  // namespace crashpath
