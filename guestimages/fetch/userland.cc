#include "guestimages/fetch/userland.h"

#include <algorithm>

namespace crashpath {

Result<Userland> fetch_userland(Archive& archive) {
  const Catalog& catalog = archive.catalog();
  const Suite* suite = catalog.find_suite(host_release());
  if (suite == nullptr) suite = catalog.find_suite(catalog.userland.release);
  CP_TRY(archive.need(*suite));
  const auto& wanted = catalog.userland.packages;
  Userland userland{.packages = CP_TRY(archive.apt().closure(suite->name, wanted)), .directories = {}};
  // The rest of the closure configures packages on a running system: debconf, perl, dpkg.
  std::erase_if(userland.packages, [&](const Package& package) {
    return package.section != "libs" && std::find(wanted.begin(), wanted.end(), package.name) == wanted.end();
  });
  for (const auto& package : userland.packages)
    userland.directories.push_back(CP_TRY(archive.unpacked({package})));
  return userland;
}

}  // namespace crashpath
