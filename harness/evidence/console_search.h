#pragma once

// Looking for what a kernel printed.

#include <optional>
#include <regex>
#include <string>

#include "harness/evidence/evidence.h"

namespace crashpath {

/// "console-first.log:123"
std::string console_line(Kernel kernel, const RecordedLine& line);

struct ConsoleMatch {
  const RecordedLine* line = nullptr;
  std::smatch groups;  ///< into the line's text
};
/// The first line of a console that the pattern is found in. The console must be there; a match need not.
Result<std::optional<ConsoleMatch>> find_on_console(const Evidence& evidence, Kernel kernel,
                                                    const std::regex& pattern);

/// The same for the last such line.
Result<std::optional<ConsoleMatch>> find_last_on_console(const Evidence& evidence, Kernel kernel,
                                                         const std::regex& pattern);

}  // namespace crashpath
