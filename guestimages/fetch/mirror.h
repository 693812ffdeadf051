#pragma once

// The mirror of Debian's archive that packages come from: the one that this machine itself uses.

#include <string>
#include <string_view>
#include <vector>

#include "guestimages/catalog/catalog.h"
#include "harness/base/result.h"

namespace crashpath {

struct Mirror {
  std::string uri;                    ///< as it stands in a sources.list line
  std::vector<std::string> settings;  ///< lines for an apt.conf: how the host reaches its mirrors
};

/// Prints the host's index targets as pick_mirror() reads them.
std::vector<std::string> index_targets_command();

/// The mirror of Debian's main archive among the host's index targets, or empty when there is none. The one
/// for `release` is preferred. Third-party archives and the security archive, which hold a part of what
/// guests need, do not count.
std::string pick_mirror(std::string_view index_targets, std::string_view release);

/// The same before the host's first `apt-get update`, when apt does not know yet whose archive a source is:
/// from the output of `apt-get update --print-uris`, the first that offers a suite of the catalog. A wrong
/// guess ends at the signature check, for only Debian's keys are accepted.
std::string guess_mirror(std::string_view update_uris, const Catalog& catalog);

/// What of the host's apt configuration (output of `apt-config dump`) goes with its mirror: proxies and
/// certificates to reach it, and whether its administrator accepts a mirror that stands still
/// (Check-Valid-Until, Check-Date). Nothing that touches signature checks.
std::vector<std::string> mirror_settings(std::string_view apt_config_dump);

/// `override_uri`, else $CRASHPATH_MIRROR, else the host's. A host error with a hint when there is none.
Result<Mirror> find_mirror(const Catalog& catalog, const std::string& override_uri);

}  // namespace crashpath
