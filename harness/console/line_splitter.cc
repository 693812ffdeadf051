#include "harness/console/line_splitter.h"

#include <algorithm>
#include <utility>

namespace crashpath {

std::vector<std::string> LineSplitter::feed(std::string_view bytes) {
  std::vector<std::string> lines;
  while (!bytes.empty()) {
    if (partial_.size() == max_length_ && bytes.front() != '\n') lines.push_back(std::exchange(partial_, {}));
    const std::size_t end = bytes.find('\n');
    const std::size_t length = std::min({end, bytes.size(), max_length_ - partial_.size()});
    partial_.append(bytes.substr(0, length));
    bytes.remove_prefix(length);
    if (length != end) continue;
    bytes.remove_prefix(1);
    partial_.erase(partial_.find_last_not_of('\r') + 1);
    lines.push_back(std::exchange(partial_, {}));
  }
  return lines;
}

std::optional<std::string> LineSplitter::take_partial() {
  if (partial_.empty()) return std::nullopt;
  return std::exchange(partial_, {});
}

}  // namespace crashpath
