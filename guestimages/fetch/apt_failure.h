#pragma once

// What apt complains about, in words that say what to do.

#include <string_view>

#include "harness/base/result.h"

namespace crashpath {

/// A host error for `what` ("package lists of sid (arm64)") that `mirror` did not give, from what apt said of
/// it.
Error apt_failure(std::string_view what, std::string_view mirror, std::string_view apt_errors,
                  boost::source_location where = BOOST_CURRENT_LOCATION);

/// Whether it is the whole mirror that failed, so that asking it for something else is a waste of time.
bool is_mirror_unreachable(std::string_view apt_errors);

}  // namespace crashpath
