#pragma once

// What runs in a guest besides its kernel and the agent, as packages.

#include "guestimages/fetch/package_tree.h"
#include "harness/base/result.h"

namespace crashpath {

/// The catalog's userland packages and the libraries of their closure, from the host's own release (or the
/// catalog's when the host has none that the catalog knows).
Result<PackageTree> fetch_userland(const Catalog& catalog, const std::string& debian_architecture,
                                   const ArchiveOptions& options);

}  // namespace crashpath
