#include "harness/machine/qemu/log_files.h"

#include <fcntl.h>
#include <fmt/format.h>

namespace crashpath {
namespace {

/// Takes a run of decimal digits and what follows it off the front.
bool take_number(std::string_view& text, char behind) {
  const std::size_t end = text.find_first_not_of("0123456789");
  if (end == 0 || end == text.npos || text[end] != behind) return false;
  text.remove_prefix(end + 1);
  return true;
}

bool is_trace(std::string_view line) {
  return take_number(line, '@') && take_number(line, '.') && take_number(line, ':');
}

}  // namespace

Result<BoundedLog> BoundedLog::create(const std::filesystem::path& file, std::size_t limit) {
  if (file.empty()) return BoundedLog({}, 0);
  return BoundedLog(CP_TRY(open_file(file, O_WRONLY | O_CREAT | O_APPEND)), limit);
}

void BoundedLog::add(std::string_view line) {
  if (!fd_) return;
  std::string text = fmt::format("{}\n", line);
  const bool full = text.size() > left_;
  if (full) text = "crashpath: this log was full here; what QEMU printed from here on is left out\n";
  // A disk that is full is told by files that matter more.
  if (!write_all(fd_.get(), text, "a log of QEMU") || full) return fd_.reset();
  left_ -= text.size();
}

void LogFiles::take(std::string_view bytes) {
  for (const std::string& line : lines_.feed(bytes)) add(line);
}

void LogFiles::end() {
  if (const auto rest = lines_.take_partial()) add(*rest);
}

void LogFiles::add(std::string_view line) {
  (is_trace(line) ? traces_ : messages_).add(line);
}

}  // namespace crashpath
