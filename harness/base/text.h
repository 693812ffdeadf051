#pragma once

// Text that a guest had a hand in, made fit for terminals, JSON, XML and line formats.

#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace crashpath {

/// The text in printable ASCII: escape sequences are left out, line ends and tabs become spaces, any other
/// byte a '?'. So it is one line, valid UTF-8 and XML, as wide as it is long, and no guest writes to a user's
/// terminal.
std::string printable(std::string_view text);

/// At most `width` characters; what is cut off is shown by "..." where there is room for it.
std::string shorten(std::string_view text, std::size_t width);

/// Lines of at most `width` characters, broken between words, or inside of words that are longer than that.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

/// The number that stands there; 0 when there is none, or when it does not fit.
template <class Number>
Number number_in(std::string_view digits, int base = 10) {
  Number value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  return code == std::errc() ? value : Number{};
}

}  // namespace crashpath
