#pragma once

// Debian's archive as guests of one architecture need it: suites in the order in which they are asked,
// packages as files in the cache, packages unpacked.
//
// Below cache_directory(): apt/ARCHITECTURE (a private apt root), packages/*.deb,
// unpacked/PACKAGE_VERSION_ARCHITECTURE. Whatever is there is whole: it is made under another name and then
// renamed.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "guestimages/catalog/catalog.h"
#include "guestimages/fetch/apt_root.h"
#include "guestimages/fetch/file_lock.h"
#include "harness/base/result.h"

namespace crashpath {

struct ArchiveOptions {
  std::filesystem::path cache;        ///< cache_directory(), unless a test says otherwise
  std::string mirror;                 ///< empty: $CRASHPATH_MIRROR, or the host's
  std::filesystem::path keyring;      ///< empty: Debian's archive keyring
  bool update = false;                ///< get package lists even when they are younger than a day
  std::chrono::seconds patience{15};  ///< for the mirror to answer; it is asked twice
  Say say = [](std::string_view) {};
};

class Archive {
 public:
  /// Holds this architecture's part of the cache to itself until it is destroyed.
  static Result<Archive> open(const Catalog& catalog, const std::string& debian_architecture,
                              const ArchiveOptions& options);

  /// Makes a suite's lists current. Lists that cannot be made current but are there serve, and that is said.
  /// An error otherwise.
  Result<> need(const Suite& suite);

  /// Like need(), for a suite that is one of many: a failure is said and false, unless the whole mirror is
  /// silent.
  Result<bool> can_read(const Suite& suite);

  const AptRoot& apt() const { return apt_; }
  const Catalog& catalog() const { return *catalog_; }
  const std::string& architecture() const { return apt_.options().architecture; }

  /// Files of packages of one suite in the cache, downloaded when they are not there.
  Result<std::vector<std::filesystem::path>> files(const std::vector<Package>& packages);

  /// unpacked_directory() of these packages, made when it is not there. `finish` may complete it before it is
  /// taken into the cache.
  Result<std::filesystem::path> unpacked(const std::vector<Package>& packages,
                                         const std::function<Result<>(const std::filesystem::path&)>& finish);

 private:
  Archive(const Catalog& catalog, AptRoot apt, const ArchiveOptions& options, FileLock lock)
      : catalog_(&catalog), apt_(std::move(apt)), options_(options), lock_(std::move(lock)) {}

  const Catalog* catalog_;
  AptRoot apt_;
  ArchiveOptions options_;
  FileLock lock_;
  std::map<std::string, Result<>> needed_;  ///< suites asked for, and how that went
};

/// Where these packages are, or would be, unpacked over each other: named after the first of them and a hash
/// of all.
std::filesystem::path unpacked_directory(const std::filesystem::path& cache,
                                         const std::vector<Package>& packages);

}  // namespace crashpath
