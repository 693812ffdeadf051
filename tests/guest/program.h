#pragma once

// The program as a user starts it, and its results as a machine reads them.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/file.h"
#include "harness/process/command.h"

namespace crashpath {

namespace json = boost::json;

/// Scenarios of the tests' own: mutations, which must fail.
inline constexpr const char* kScenarios = CRASHPATH_TESTS_DIR "/guest/scenarios";

/// Scenarios of guests that a probe breaks, each in one way.
inline constexpr const char* kMutations = CRASHPATH_TESTS_DIR "/guest/mutations";

/// A directory of this test alone, removed when it passed and kept when it failed: it is the evidence.
class Workspace {
 public:
  Workspace() {
    std::string name = (std::filesystem::temp_directory_path() / "crashpath-test.XXXXXX").native();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = name;
  }
  ~Workspace() {
    if (testing::Test::HasFailure())
      fmt::print(stderr, "evidence kept in {}\n", path_.native());
    else
      std::filesystem::remove_all(path_);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::vector<std::string> crashpath_run(const std::filesystem::path& output,
                                              std::vector<std::string> arguments) {
  std::vector<std::string> argv{CRASHPATH_BINARY, "run", "--output", output.native()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return argv;
}

inline CommandOutput run_program(std::vector<std::string> argv) {
  auto output = run_command({.argv = std::move(argv), .timeout = std::chrono::seconds(550)});
  if (!output) throw std::runtime_error(output.error().to_string());
  return *output;
}

inline json::object read_results(const std::filesystem::path& run) {
  return json::parse(read_file(run / "results.json").value()).as_object();
}

/// The trial of results.json with this architecture and scenario.
inline json::object find_trial(const json::object& results, std::string_view arch,
                               std::string_view scenario) {
  for (const auto& trial : results.at("trials").as_array())
    if (trial.at("arch").as_string() == arch && trial.at("scenario").as_string() == scenario)
      return trial.as_object();
  throw std::runtime_error("no such trial in results.json");
}

inline const json::object* find_check(const json::object& trial, std::string_view name) {
  for (const auto& check : trial.at("checks").as_array())
    if (check.at("name").as_string() == name) return &check.as_object();
  return nullptr;
}
const json::object* find_check(json::object&& trial, std::string_view name) = delete;  // it would dangle

inline std::string outcome(const json::object& object) {
  return std::string(object.at("outcome").as_string());
}
inline std::string stage(const json::object& trial) {
  return std::string(trial.at("stage").as_string());
}

/// Process ids whose command line mentions `text`, such as a run's directory.
inline std::vector<int> processes_mentioning(std::string_view text) {
  std::vector<int> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto line = read_file(entry.path() / "cmdline");
    if (line && line->find("qemu-system") != std::string::npos && line->find(text) != std::string::npos)
      found.push_back(std::stoi(name));
  }
  return found;
}

/// A guest that a probe breaks, and the check that has to fail for it, with these words.
struct Mutation {
  const char *scenario, *check, *words;
};

/// Runs the pseries mutations that match the glob, and expects each of these to be noticed.
inline void expect_noticed(const std::string& glob, const std::vector<Mutation>& mutations) {
  const Workspace workspace;
  const auto run = workspace.path() / "run";
  const auto output = run_program(
      crashpath_run(run, {"--arch", "pseries", "--scenario-dir", kMutations, "--scenario", glob}));
  EXPECT_EQ(output.exit_code, 1) << output.out << output.err;
  const auto results = read_results(run);
  for (const auto& mutation : mutations) {
    const auto trial = find_trial(results, "pseries", mutation.scenario);
    const json::object* check = find_check(trial, mutation.check);
    ASSERT_NE(check, nullptr) << mutation.scenario;
    EXPECT_EQ(outcome(*check), "fail") << mutation.scenario;
    EXPECT_THAT(std::string(check->at("got").as_string()), testing::HasSubstr(mutation.words));
  }
}

}  // namespace crashpath
