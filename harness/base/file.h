#pragma once

// Files: whole reads, writes that replace a file at once or not at all, and owned descriptors.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "harness/base/result.h"

namespace crashpath {

/// Owns a file descriptor and closes it. -1 is none.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

/// The whole file. A host error when it cannot be read; the message names it.
Result<std::string> read_file(const std::filesystem::path& path);

/// Writes to a temporary name beside `path`, flushes, then renames: readers see the old file or the whole new
/// one, and a full disk loses nothing that was there.
Result<> write_file(const std::filesystem::path& path, std::string_view content);

/// open(2) with O_CLOEXEC: every descriptor of ours stays out of children unless it is handed to one by name.
Result<UniqueFd> open_file(const std::filesystem::path& path, int flags, unsigned mode = 0644);

/// Writes all of `content` to a descriptor, through short writes and EINTR.
Result<> write_all(int fd, std::string_view content, std::string_view name);

/// Bytes that a file takes on its disk; holes take none.
Result<std::uint64_t> allocated_size(const std::filesystem::path& path);

Result<> make_directories(const std::filesystem::path& path);

}  // namespace crashpath
