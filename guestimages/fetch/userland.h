#pragma once

// What runs in a guest besides its kernel and the agent, as packages.

#include <filesystem>
#include <vector>

#include "guestimages/fetch/archive.h"
#include "harness/base/result.h"

namespace crashpath {

struct Userland {
  std::vector<Package> packages;
  std::vector<std::filesystem::path> directories;  ///< the same, unpacked
};

/// The catalog's userland packages and the libraries of their closure, from the host's own release (or the
/// catalog's when the host has none that the catalog knows).
Result<Userland> fetch_userland(Archive& archive);

}  // namespace crashpath
