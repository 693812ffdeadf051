#pragma once

// Reports for people.

#include <cstddef>
#include <filesystem>
#include <string>

#include "harness/base/text.h"
#include "harness/report/results.h"

namespace crashpath {

/// What stands at the other end of a descriptor.
struct Terminal {
  bool smart = false;      ///< takes cursor movement: live lines
  bool color = false;      ///< and colours: not with NO_COLOR (no-color.org)
  std::size_t width = 80;  ///< columns
};
Terminal detect_terminal(int fd);

/// The text in an outcome's colour, where the terminal has colours.
std::string colored(Outcome outcome, std::string_view text, const Terminal& terminal);

/// A block per trial: outcome, kernel, seconds per stage, checks; for what did not pass, why, and what to
/// type next. Runs of many trials have one line for each that passed. `run_directory` goes into what is to be
/// typed.
std::string to_terminal(const Results& results, const std::filesystem::path& run_directory,
                        const Terminal& terminal);

/// The last line: how many of which outcome, and how long.
std::string summary_line(const Results& results);

/// One trial with every one of its checks: `crashpath check`.
std::string to_terminal(const TrialResult& trial, const std::filesystem::path& directory,
                        const Terminal& terminal);

}  // namespace crashpath
