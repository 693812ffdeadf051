#pragma once

// The results of a run: results.json, the one source of every report. docs/results.md documents its members.

#include <boost/json.hpp>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "harness/trial/planned_trial.h"
#include "harness/trial/verdict.h"

namespace crashpath {

inline constexpr int kResultsSchema = 1;

struct TrialResult {
  std::string id;  ///< also the name of its directory below the run's
  std::string architecture;
  std::string kernel_release;
  std::string kernel_package;
  std::string kernel_version;
  std::string kernel_flavour;
  std::string kernel_spec;
  std::string scenario;
  int repetition = 1;
  boost::json::object machine;
  std::string dump;                   ///< file of the dump in the trial's directory, or empty
  std::vector<std::string> exhibits;  ///< "memreserve": exhibit-memreserve.txt and .json in that directory
  Verdict verdict;
};

struct Results {
  std::string run;      ///< name of the run's directory
  std::string started;  ///< UTC, "2030-01-31T12:34:56Z"
  double seconds = 0;   ///< the whole run
  std::vector<TrialResult> trials;

  std::map<Outcome, int> count() const;
  boost::json::object to_json() const;
  static Result<Results> from_json(const boost::json::value& value);
};

/// Of a trial that was planned, also when its directory could not be written. `directory` is the trial's.
TrialResult make_trial_result(const PlannedTrial& trial, const std::filesystem::path& directory,
                              Verdict verdict);
/// Of a trial that is known by its directory only.
Result<TrialResult> read_trial_result(const std::filesystem::path& directory, Verdict verdict);

/// results.json of a run's directory.
Result<Results> read_results(const std::filesystem::path& run_directory);

/// Exit status of a run: 1 a fail or xpass; 3 an error and no fail; 0 at least one pass, and else xfail and
/// skip only; 4 nothing passed or failed: no trial, or none but skips and expected failures.
int exit_status(const Results& results);

/// The moment as Results::started has it.
std::string to_utc(std::chrono::system_clock::time_point when);

}  // namespace crashpath
