// KCIDB's I/O schema 5.0 (kcidb_io/schema/v05_00.py): a kernel is a build, a trial a test of it.

#include <fmt/format.h>

#include <set>

#include "harness/base/text.h"
#include "harness/report/formats.h"

namespace crashpath {

namespace json = boost::json;

namespace {

constexpr std::string_view kOrigin = "crashpath";

std::string build_id(const TrialResult& trial) {
  return fmt::format("{}:{}-{}-{}", kOrigin, trial.architecture, printable(trial.kernel_release),
                     printable(trial.kernel_version));
}

std::string checkout_id(const TrialResult& trial) {
  return fmt::format("{}:{}-{}", kOrigin, printable(trial.kernel_release), printable(trial.kernel_version));
}

json::object to_build(const TrialResult& trial) {
  return {
      {"checkout_id", checkout_id(trial)},
      {"id", build_id(trial)},
      {"origin", kOrigin},
      {"architecture", trial.architecture},
      {"config_name", printable(trial.kernel_flavour)},
      {"comment", fmt::format("{} {}", printable(trial.kernel_package), printable(trial.kernel_version))}};
}

json::object to_test(const Results& results, const TrialResult& trial) {
  const auto& verdict = trial.verdict;
  std::string comment = printable(verdict.words);
  if (verdict.outcome == Outcome::xfail) comment = "known issue: " + printable(verdict.known_issue);
  if (verdict.outcome == Outcome::xpass)
    comment = "passed despite a known issue: " + printable(verdict.known_issue);
  return {{"build_id", build_id(trial)},
          {"id", fmt::format("{}:{}/{}", kOrigin, results.run, trial.id)},
          {"origin", kOrigin},
          {"path", fmt::format("crashpath.{}", trial.scenario)},
          {"status", format_of(verdict.outcome).kcidb_status},
          {"waived", verdict.outcome == Outcome::xfail},
          {"comment", comment},
          {"start_time", results.started},
          {"duration", verdict.seconds},
          {"environment", {{"misc", trial.machine}}},
          {"misc", verdict.to_json()}};
}

}  // namespace

std::string to_kcidb(const Results& results) {
  json::array checkouts;
  json::array builds;
  json::array tests;
  std::set<std::string> seen;
  for (const auto& trial : results.trials) {
    if (const auto id = checkout_id(trial); seen.insert("checkout " + id).second)
      checkouts.push_back({{"id", id}, {"origin", kOrigin}});
    if (seen.insert("build " + build_id(trial)).second) builds.push_back(to_build(trial));
    tests.push_back(to_test(results, trial));
  }
  return json::serialize(json::object{{"version", {{"major", 5}, {"minor", 0}}},
                                      {"checkouts", std::move(checkouts)},
                                      {"builds", std::move(builds)},
                                      {"tests", std::move(tests)}}) +
         "\n";
}

}  // namespace crashpath
