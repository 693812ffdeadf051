#pragma once

// What QEMU prints, as files. A guest has a hand in that: one whose CPUs run through garbage made QEMU print
// 7 GB of "Invalid read" in three minutes.

#include <cstddef>
#include <filesystem>
#include <string_view>

#include "harness/base/file.h"
#include "harness/console/line_splitter.h"

namespace crashpath {

/// Bytes that a log may have; then it says that the rest was left out.
inline constexpr std::size_t kMaxLog = std::size_t{16} << 20;

/// A file that takes no more than it may have. Without a name it takes nothing.
class BoundedLog {
 public:
  static Result<BoundedLog> create(const std::filesystem::path& file, std::size_t limit = kMaxLog);
  void add(std::string_view line);

 private:
  BoundedLog(UniqueFd fd, std::size_t limit) : fd_(std::move(fd)), left_(limit) {}

  UniqueFd fd_;  ///< none: no more is written
  std::size_t left_;
};

/// QEMU's standard error, told apart: lines of trace events ("PID@SECONDS.MICROSECONDS:EVENT ...", QEMU
/// docs/devel/tracing.rst, the backend "log") and everything else.
class LogFiles {
 public:
  LogFiles(BoundedLog messages, BoundedLog traces)
      : messages_(std::move(messages)), traces_(std::move(traces)) {}
  void take(std::string_view bytes);
  void end();  ///< nothing more comes

 private:
  void add(std::string_view line);

  BoundedLog messages_;
  BoundedLog traces_;
  LineSplitter lines_;
};

}  // namespace crashpath
