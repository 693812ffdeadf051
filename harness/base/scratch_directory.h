#pragma once

// Where things are made before they are taken into the cache.

#include <filesystem>
#include <utility>

#include "harness/base/result.h"

namespace crashpath {

/// A new directory below `parent` that is removed again, with all that is in it, unless it was renamed. Its
/// path is canonical: kbuild compares the paths it is given with what getcwd() says.
class ScratchDirectory {
 public:
  static Result<ScratchDirectory> make(const std::filesystem::path& parent);
  ScratchDirectory(ScratchDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchDirectory& operator=(ScratchDirectory&&) = delete;
  ~ScratchDirectory();

  const std::filesystem::path& path() const { return path_; }
  /// Renames it. Where another process was faster, its result stays and ours goes.
  Result<> rename_to(const std::filesystem::path& target);

 private:
  explicit ScratchDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

/// Removes what processes that are no more have left below `parent`: SIGKILL, power loss.
void remove_stale_scratch(const std::filesystem::path& parent);

}  // namespace crashpath
