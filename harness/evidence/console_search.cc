#include "harness/evidence/console_search.h"

#include <fmt/format.h>

#include "harness/evidence/directory.h"

namespace crashpath {

std::string console_line(Kernel kernel, const RecordedLine& line) {
  return fmt::format("{}:{}",
                     kernel == Kernel::first ? evidence_file::kConsoleFirst : evidence_file::kConsoleSecond,
                     line.number);
}

Result<std::optional<ConsoleMatch>> find_on_console(const Evidence& evidence, Kernel kernel,
                                                    const std::regex& pattern) {
  for (const RecordedLine& line : *CP_TRY(evidence.console(kernel))) {
    ConsoleMatch match{&line, {}};
    if (std::regex_search(line.text, match.groups, pattern)) return match;
  }
  return std::nullopt;
}

Result<std::optional<ConsoleMatch>> find_last_on_console(const Evidence& evidence, Kernel kernel,
                                                         const std::regex& pattern) {
  std::optional<ConsoleMatch> last;
  for (const RecordedLine& line : *CP_TRY(evidence.console(kernel))) {
    ConsoleMatch match{&line, {}};
    if (std::regex_search(line.text, match.groups, pattern)) last = std::move(match);
  }
  return last;
}

}  // namespace crashpath
