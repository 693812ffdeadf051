#pragma once

// Which trials of a run stand in which cell of a table: for every report that shows one.

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "harness/report/results.h"

namespace crashpath {

struct OutcomeTable {
  std::string title;
  std::vector<std::string> rows, columns;  ///< in the order in which they came first
  /// Trials by row and column; none where the trial is still to be done.
  std::map<std::pair<std::string, std::string>, std::vector<const TrialResult*>> cells;

  void add(const std::string& row, const std::string& column);
};

/// What repetitions of one trial have in common: everything of the id but its last number.
std::string trial_without_repetition(std::string_view id);

/// A row for each scenario, a column for each kernel and machine. It points into `results`.
OutcomeTable table_of_scenarios(const Results& results);

/// The tables of a sweep, out of its sweep-summary.json; empty when there is none in the directory.
Result<std::vector<OutcomeTable>> tables_of_sweep(const Results& results,
                                                  const std::filesystem::path& run_directory);

}  // namespace crashpath
