#pragma once

// Packages that belong together, unpacked over each other: a kernel, its headers, a userland.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "guestimages/fetch/archive.h"
#include "harness/base/result.h"

namespace crashpath {

struct PackageTree {
  std::vector<Package> packages;
  std::filesystem::path root;  ///< in the cache
};

/// What is wanted, and how to get it.
struct PackageQuestion {
  std::string architecture;  ///< Debian's name
  std::string text;          ///< names the question: everything that the answer depends on, the archive apart
  std::function<Result<std::vector<Package>>(Archive&)> ask;
  /// Completes the unpacked packages before they are taken into the cache.
  std::function<Result<>(Archive&, const std::filesystem::path&)> finish = [](Archive&, const auto&) {
    return Result<>();
  };
};

/// Answers the question and unpacks the answer. An answer is good for a day, as package lists are: until
/// then, with the packages in the cache, neither the archive nor apt is asked.
Result<PackageTree> get_package_tree(const PackageQuestion& question, const Catalog& catalog,
                                     const ArchiveOptions& options);

}  // namespace crashpath
