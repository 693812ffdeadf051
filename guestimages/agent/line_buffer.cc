#include "guestimages/agent/line_buffer.h"

namespace crashpath {

std::optional<LineBuffer::Line> LineBuffer::next() {
  const std::size_t end = buffer_.find('\n');
  if (end == std::string::npos) {
    if (buffer_.size() > max_line_) dropping_ = true;
    if (dropping_) buffer_.clear();
    return std::nullopt;
  }
  Line line;
  line.too_long = dropping_ || end > max_line_;
  if (!line.too_long) line.text = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  dropping_ = false;
  return line;
}

}  // namespace crashpath
