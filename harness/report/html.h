#pragma once

// report.html: a run at a glance, in one file that needs nothing else. docs/results.md says what is in it.

#include <filesystem>
#include <string>

#include "harness/report/results.h"

namespace crashpath {

/// The page. Tables are of scenarios and guests; of a sweep, which its directory shows by its
/// sweep-summary.json, of its points. Of trials that did not pass it reads the consoles, and the memory of
/// the first hundred for which that was recorded. What cannot be read there is left out or said.
Result<std::string> to_html(const Results& results, const std::filesystem::path& run_directory);

/// Writes report.html into the run's directory, at once or not at all.
Result<> write_html_report(const std::filesystem::path& run_directory, const Results& results);

}  // namespace crashpath
