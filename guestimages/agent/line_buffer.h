#pragma once

// Lines out of a stream of bytes that comes in pieces.

#include <optional>
#include <string>
#include <string_view>

namespace crashpath {

class LineBuffer {
 public:
  struct Line {
    std::string text;       ///< without line end; empty when too long
    bool too_long = false;  ///< it was longer than the limit and has been dropped
  };

  explicit LineBuffer(std::size_t max_line) : max_line_(max_line) {}

  void append(std::string_view bytes) { buffer_ += bytes; }
  /// The next complete line. Never keeps more than the limit and one append() in memory.
  std::optional<Line> next();

 private:
  std::size_t max_line_;
  std::string buffer_;
  bool dropping_ = false;
};

}  // namespace crashpath
