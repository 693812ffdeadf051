#include "harness/base/text.h"

#include <algorithm>

namespace crashpath {
namespace {

constexpr char kEscape = '\x1b';

/// Length of the escape sequence that `text` begins with (ECMA-48: CSI up to its final byte, strings such as
/// OSC up to BEL or ST, else ESC and one more).
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2) return text.size();
  std::size_t at = 2;
  if (text[1] == '[') {
    while (at < text.size() && (text[at] < 0x40 || text[at] > 0x7e)) ++at;
    return std::min(at + 1, text.size());
  }
  if (std::string_view("]PX^_").find(text[1]) == std::string_view::npos) return 2;
  while (at < text.size() && text[at] != '\a' && text[at] != kEscape) ++at;
  return std::min(at + (at < text.size() && text[at] == kEscape ? 2 : 1), text.size());
}

}  // namespace

std::string printable(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const char c = text.front();
    if (c == kEscape) {
      text.remove_prefix(escape_length(text));
      continue;
    }
    text.remove_prefix(1);
    if (c == '\r' && text.starts_with('\n')) continue;
    if (c == '\n' || c == '\t' || c == '\r')
      safe += ' ';
    else
      safe += c >= 0x20 && c < 0x7f ? c : '?';
  }
  return safe;
}

std::string shorten(std::string_view text, std::size_t width) {
  if (text.size() <= width) return std::string(text);
  if (width <= 3) return std::string(text.substr(0, width));
  return std::string(text.substr(0, width - 3)) + "...";
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  width = std::max<std::size_t>(width, 1);
  std::vector<std::string> lines;
  while (text.size() > width) {
    const auto space = text.rfind(' ', width);
    const std::size_t length = space == std::string_view::npos || space == 0 ? width : space;
    lines.emplace_back(text.substr(0, text.find_last_not_of(' ', length - 1) + 1));
    text.remove_prefix(length);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  }
  if (!text.empty() || lines.empty()) lines.emplace_back(text);
  return lines;
}

}  // namespace crashpath
