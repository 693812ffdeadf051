#pragma once

// Text on its way into a JSON message.

#include <string>
#include <string_view>

namespace crashpath {

/// `text` with every byte that is not part of well-formed UTF-8 replaced by U+FFFD: JSON strings are UTF-8,
/// guest files need not be.
std::string to_utf8(std::string_view text);

/// Lower-case hex digits, two a byte.
std::string to_hex(std::string_view bytes);

/// Without white space, and without the NUL bytes of device tree strings, at its end.
std::string_view trim_end(std::string_view text);

/// Keeps the end of what is appended: the last lines of a program say how it ended.
class Tail {
 public:
  explicit Tail(std::size_t limit) : limit_(limit) {}
  void append(std::string_view text);
  /// At most `limit` bytes; begins with "[...]\n" when something was left out.
  std::string text() const;

 private:
  std::size_t limit_;
  std::string kept_;
  bool cut_ = false;
};

}  // namespace crashpath
