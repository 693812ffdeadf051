#pragma once

// What came of a sweep: a table of its points for each guest, failures that are alike, and what to type next.

#include <filesystem>
#include <string>
#include <vector>

#include "harness/report/results.h"
#include "harness/report/terminal.h"

namespace crashpath {

struct SweptPoint {
  std::string row, column;
  std::string
      trial;  ///< id; the trial of a point that was not reached before the sweep was stopped is not there
};

/// One guest's part of a sweep.
struct SweptGuest {
  std::string title;  ///< "arm64 6.12.95+deb12-arm64"
  std::vector<SweptPoint> points;
};

/// Of a point: its trial, and how often that was confirmed.
struct PointOutcome {
  Outcome outcome = Outcome::error;
  Stage stage = Stage::image;
  double seconds = 0;
  std::string words;
  std::string signature;  ///< failure_signature() of what did not pass
  int repeated = 0;       ///< trials besides the first that tell something: not those that ended in error
  int alike = 0;          ///< of these, with the same outcome and signature
};

class SweepSummary {
 public:
  /// `results` may have several trials of one scenario: those behind the first confirm it or do not.
  SweepSummary(std::vector<SweptGuest> guests, const Results& results,
               const std::filesystem::path& run_directory);

  std::string to_terminal(const Terminal& terminal) const;
  boost::json::object to_json() const;  ///< sweep-summary.json: docs/results.md

 private:
  const PointOutcome* find(const SweptPoint& point) const;
  std::string table_of(const SweptGuest& guest, const Terminal& terminal) const;
  std::string skips() const;
  std::string failures(const Terminal& terminal) const;

  std::vector<SweptGuest> guests_;
  std::filesystem::path directory_;
  std::map<std::string, PointOutcome> outcomes_;  ///< by the trial's id
};

}  // namespace crashpath
