#pragma once

// Keeps two runs of crashpath out of the same part of the cache.

#include <filesystem>
#include <functional>
#include <string_view>

#include "harness/base/file.h"
#include "harness/base/result.h"

namespace crashpath {

/// Tells the user what is going on, one line each.
using Say = std::function<void(std::string_view)>;

/// An exclusive flock(2) on a file of its own, held until it is destroyed or the process ends, however it
/// ends.
class FileLock {
 public:
  /// Waits for as long as another holds it, and says so once.
  static Result<FileLock> take(const std::filesystem::path& file, const Say& say);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace crashpath
