#include "guestimages/fetch/userland.h"

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

Result<Userland> fetch_userland(Archive& archive) {
  const Catalog& catalog = archive.catalog();
  const Suite* suite = catalog.find_suite(host_release());
  if (suite == nullptr) suite = catalog.find_suite(catalog.userland.release);
  CP_TRY(archive.need(*suite));
  const auto& wanted = catalog.userland.packages;
  const auto closure = CP_TRY(archive.apt().closure(suite->name, wanted));
  Userland userland{.packages = CP_TRY(libraries_of(archive.apt(), wanted, closure)), .directories = {}};
  CP_TRY(archive.files(userland.packages));
  for (const auto& package : userland.packages)
    userland.directories.push_back(CP_TRY(archive.unpacked({package})));
  return userland;
}

}  // namespace crashpath
