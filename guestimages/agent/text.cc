#include "guestimages/agent/text.h"

#include <boost/algorithm/hex.hpp>

#include <iterator>

namespace crashpath {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";
constexpr std::string_view cut_mark = "[...]\n";

unsigned byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

/// Length of the well-formed UTF-8 sequence at the start of `text`, 0 when there is none (Unicode, table
/// 3-7).
std::size_t sequence_length(std::string_view text) {
  const unsigned lead = byte_at(text, 0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte_at(text, 1) < low || byte_at(text, 1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if ((byte_at(text, i) & 0xC0) != 0x80) return 0;
  return length;
}

}  // namespace

std::string to_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    result += length == 0 ? replacement : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return result;
}

std::string to_hex(std::string_view bytes) {
  std::string digits;
  digits.reserve(2 * bytes.size());
  boost::algorithm::hex_lower(bytes.begin(), bytes.end(), std::back_inserter(digits));
  return digits;
}

std::string_view trim_end(std::string_view text) {
  constexpr std::string_view blank("\0 \t\r\n", 5);
  return text.substr(0, text.find_last_not_of(blank) + 1);
}

void Tail::append(std::string_view text) {
  kept_ += text;
  if (kept_.size() <= 2 * limit_) return;
  kept_.erase(0, kept_.size() - limit_);
  cut_ = true;
}

std::string Tail::text() const {
  if (!cut_ && kept_.size() <= limit_) return kept_;
  const std::size_t room = limit_ - cut_mark.size();
  return std::string(cut_mark) + kept_.substr(kept_.size() - std::min(kept_.size(), room));
}

}  // namespace crashpath
