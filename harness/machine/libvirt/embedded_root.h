#pragma once

// The directory of an embedded driver: its configuration, state and sockets, and the files of its guests.

#include <sys/types.h>

#include <filesystem>
#include <vector>

#include "harness/base/file.h"

namespace crashpath::libvirt {

class EmbeddedRoot {
 public:
  /// `wanted` empty: a new one of this process. One that is there is cleaned of what a killed process left
  /// in it. A host error when a live process uses it.
  static Result<EmbeddedRoot> make(const std::filesystem::path& wanted);
  EmbeddedRoot(EmbeddedRoot&& other) noexcept;
  EmbeddedRoot& operator=(EmbeddedRoot&&) = delete;
  /// Ends what still runs in it. One of this process is removed.
  ~EmbeddedRoot();

  const std::filesystem::path& path() const { return path_; }
  /// Who QEMU runs as; -1: as we do.
  uid_t qemu_user() const;

 private:
  EmbeddedRoot(std::filesystem::path path, UniqueFd lock, bool ours)
      : path_(std::move(path)), lock_(std::move(lock)), ours_(ours) {}
  std::filesystem::path path_;
  UniqueFd lock_;  ///< held as long as this process lives, whatever ends it
  bool ours_;
};

/// Directories of embedded drivers whose processes are gone: every QEMU in them is ended, then they are
/// removed. What was found, a line each.
std::vector<std::string> clean_embedded_roots();

}  // namespace crashpath::libvirt
