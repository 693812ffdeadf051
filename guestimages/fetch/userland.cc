#include "guestimages/fetch/userland.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace crashpath {

namespace {

/// Of apt's closure, what programs need to run: the wanted packages and every library that is reached through
/// libraries alone. The rest (debconf, perl, dpkg and theirs) configures packages on a running system.
Result<std::vector<Package>> libraries_of(const AptRoot& apt, const std::vector<std::string>& wanted,
                                          const std::vector<Package>& closure) {
  std::vector<std::string> names;
  for (const auto& package : closure) names.push_back(package.name);
  auto depends = CP_TRY(apt.depends(closure.front().suite, names));
  std::vector<Package> needed;
  std::vector<std::string> to_do = wanted;
  std::set<std::string> seen(wanted.begin(), wanted.end());
  for (size_t i = 0; i < to_do.size(); ++i) {
    const auto package = std::find_if(closure.begin(), closure.end(),
                                      [&](const Package& candidate) { return candidate.name == to_do[i]; });
    const bool is_wanted = i < wanted.size();
    if (package == closure.end() || (!is_wanted && package->section != "libs")) continue;
    needed.push_back(*package);
    for (const auto& name : depends[package->name])
      if (seen.insert(name).second) to_do.push_back(name);
  }
  return needed;
}

}  // namespace

Result<PackageTree> fetch_userland(const Catalog& catalog, const std::string& debian_architecture,
                                   const ArchiveOptions& options) {
  const Suite* suite = catalog.find_suite(host_release());
  if (suite == nullptr) suite = catalog.find_suite(catalog.userland.release);
  const auto& wanted = catalog.userland.packages;
  const auto ask = [&](Archive& archive) -> Result<std::vector<Package>> {
    CP_TRY(archive.need(*suite));
    return libraries_of(archive.apt(), wanted, CP_TRY(archive.apt().closure(suite->name, wanted)));
  };
  return get_package_tree({.architecture = debian_architecture,
                           .text = fmt::format("userland {} of {}", fmt::join(wanted, " "), suite->name),
                           .ask = ask},
                          catalog, options);
}

}  // namespace crashpath
