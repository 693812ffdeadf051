#include "harness/report/signature.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "harness/console/phases.h"
#include "harness/console/splats.h"
#include "harness/evidence/evidence.h"

namespace crashpath {
namespace {

constexpr std::size_t kSymbols = 3;

std::string without_numbers(std::string_view text) {
  static const std::regex number(R"(\b(0x)?[0-9a-f]*[0-9][0-9a-f]*\b)");
  return std::regex_replace(std::string(text), number, "#");
}

std::vector<std::string_view> texts_of(const std::vector<RecordedLine>& lines) {
  std::vector<std::string_view> texts;
  for (const RecordedLine& line : lines) texts.push_back(line.text);
  return texts;
}

/// The first splat of either kernel besides the first one's panic.
std::string first_splat(const std::vector<RecordedLine>& first, const std::vector<RecordedLine>& second) {
  const auto of_first = texts_of(first), of_second = texts_of(second);
  for (const Splat& splat : find_splats(of_first))
    if (splat.kind != SplatKind::panic) return without_numbers(splat.title);
  for (const Splat& splat : find_splats(of_second)) return without_numbers(splat.title);
  return "";
}

/// Functions of the trace that the console ends with, innermost first; none when it ends with something else.
std::vector<std::string> last_symbols(const std::vector<RecordedLine>& lines) {
  static const std::regex frame(R"(([A-Za-z_.$][\w.$]*)\+0x[0-9a-f]{1,8}/0x[0-9a-f]{1,8})");
  std::vector<std::string> symbols;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    std::smatch found;
    if (!std::regex_search(line->text, found, frame)) break;
    symbols.insert(symbols.begin(), found[1]);
  }
  if (symbols.size() > kSymbols) symbols.resize(kSymbols);
  return symbols;
}

std::string last_line(const std::vector<RecordedLine>& lines) {
  const auto last =
      std::find_if(lines.rbegin(), lines.rend(), [](const auto& line) { return !line.text.empty(); });
  return last == lines.rend() ? "a silent console" : without_numbers(without_time_stamp(last->text));
}

std::string failed_checks(const Verdict& verdict) {
  std::vector<std::string> names;
  for (const auto& [name, result] : verdict.checks)
    if (result.outcome == Outcome::fail || result.outcome == Outcome::error) names.push_back(name);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::string failure_signature(const std::filesystem::path& directory, const Verdict& verdict) {
  static const std::vector<RecordedLine> kNoLines;
  const Evidence evidence(directory);
  const auto first_console = evidence.console(Kernel::first),
             second_console = evidence.console(Kernel::second);
  const auto& first = first_console ? **first_console : kNoLines;
  const auto& second = second_console ? **second_console : kNoLines;
  std::vector<std::string> parts = {std::string(to_string(verdict.stage))};
  if (const std::string splat = first_splat(first, second); !splat.empty()) parts.push_back(splat);
  if (verdict.stage == Stage::verify) {
    parts.push_back(failed_checks(verdict));
  } else {
    const auto& ended = second.empty() ? first : second;
    const auto symbols = last_symbols(ended);
    parts.push_back(symbols.empty() ? "last line: " + last_line(ended)
                                    : fmt::format("in {}", fmt::join(symbols, " <- ")));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace crashpath
