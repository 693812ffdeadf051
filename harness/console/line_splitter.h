#pragma once

// The bytes of a console, as lines.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace crashpath {

/// A guest decides what comes here, so a line is never longer than this: a longer one is delivered in pieces.
inline constexpr std::size_t kMaxConsoleLine = 8192;

class LineSplitter {
 public:
  explicit LineSplitter(std::size_t max_length = kMaxConsoleLine) : max_length_(max_length) {}

  /// The lines that these bytes complete, without "\n" and the "\r"s before it. Other bytes are kept as they
  /// are.
  std::vector<std::string> feed(std::string_view bytes);

  /// What stands behind the last line end, taken out: when more of that line comes, it is a line of its own.
  std::optional<std::string> take_partial();

 private:
  std::size_t max_length_;
  std::string partial_;
};

}  // namespace crashpath
