#pragma once

// Reports for machines. All say the same of a trial: DESIGN's table of outcomes is one table here,
// formats.cc.

#include <string>
#include <string_view>

#include "harness/report/results.h"

namespace crashpath {

std::string to_ktap(const Results& results);
std::string to_junit(const Results& results);
std::string to_kcidb(const Results& results);

/// How an outcome is told in each format.
struct OutcomeFormat {
  Outcome outcome;
  bool ktap_ok;
  std::string_view ktap_directive;  ///< behind "#"; empty: none
  std::string_view junit_element;   ///< child of the testcase; empty: none
  std::string_view kcidb_status;
};
const OutcomeFormat& format_of(Outcome outcome);

/// One of "json", "ktap", "junit", "kcidb"; a usage error for another name.
Result<std::string> to_format(std::string_view format, const Results& results);

/// results.json, results.ktap, junit.xml and kcidb.json, each at once or not at all, results.json first.
Result<> write_reports(const std::filesystem::path& run_directory, const Results& results);

}  // namespace crashpath
