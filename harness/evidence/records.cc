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

/// A member's text; empty when it is not there or no text.
std::string_view string_member(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
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
    if (error || !value.is_object()) continue;
    boost::json::value* message = value.get_object().if_contains("message");
    if (message == nullptr || !message->is_object()) continue;
    // The host knows which kernel it was that spoke; a record without that has the agent's own word for it.
    std::string_view sender = string_member(value.get_object(), "kernel");
    if (sender.empty()) sender = string_member(message->get_object(), "kernel");
    if (sender == to_string(kernel)) messages.push_back(std::move(message->get_object()));
  }
  return messages;
}

std::vector<LackingFile> parse_lacking_files(std::string_view text) {
  std::vector<LackingFile> files;
  while (!text.empty()) {
    boost::system::error_code error;
    const boost::json::value value = boost::json::parse(boost::json::string_view(take_line(text)), error);
    const boost::json::value* lacking =
        !error && value.is_object() ? value.get_object().if_contains("lacking") : nullptr;
    if (lacking == nullptr || !lacking->is_object()) continue;
    for (const auto& [file, words] : lacking->get_object())
      files.push_back({std::string(file), std::string(string_member(lacking->get_object(), file))});
  }
  return files;
}

}  // namespace crashpath
