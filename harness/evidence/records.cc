#include "harness/evidence/records.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>

namespace crashpath {
namespace {

/// docs/agent-protocol.md: at most 1 MiB a line; the record puts its own members around it.
constexpr std::size_t kMaxAgentLine = (1 << 20) + 256;

/// Takes a line off the front of `text`.
std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

/// Takes "     3.250 " off the front of a line of a console's record.
std::optional<double> take_seconds(std::string_view& line) {
  const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
  const std::size_t end = line.find(' ', begin);
  if (begin == line.size() || end == std::string_view::npos || end - begin > 20) return std::nullopt;
  const std::string number(line.substr(begin, end - begin));
  char* stopped = nullptr;
  const double seconds = std::strtod(number.c_str(), &stopped);
  if (stopped != number.c_str() + number.size() || !std::isfinite(seconds)) return std::nullopt;
  line.remove_prefix(end + 1);
  return seconds;
}

}  // namespace

std::vector<RecordedLine> parse_console_record(std::string_view text) {
  std::vector<RecordedLine> lines;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    const auto seconds = take_seconds(line);
    const double before = lines.empty() ? 0 : lines.back().seconds;
    lines.push_back({seconds.value_or(before), std::string(line), static_cast<int>(lines.size()) + 1});
  }
  return lines;
}

std::vector<boost::json::object> parse_agent_record(std::string_view text, Kernel kernel) {
  std::vector<boost::json::object> messages;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.size() > kMaxAgentLine) continue;
    boost::system::error_code error;
    boost::json::value value = boost::json::parse(boost::json::string_view(line), error);
    boost::json::object* entry = error ? nullptr : value.if_object();
    boost::json::value* message = entry ? entry->if_contains("message") : nullptr;
    if (message == nullptr || !message->is_object()) continue;
    const boost::json::value* sender = message->get_object().if_contains("kernel");
    if (sender != nullptr && sender->is_string() && sender->get_string() == to_string(kernel))
      messages.push_back(std::move(message->get_object()));
  }
  return messages;
}

}  // namespace crashpath
