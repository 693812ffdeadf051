#pragma once

// From `--kernel` to an image that can be booted: packages, probes, initramfs.

#include <functional>
#include <string>
#include <string_view>

#include "guestimages/image.h"
#include "harness/base/result.h"

namespace crashpath {

/// The cache of this user; what happens is said on standard error. `mirror` empty: the one this machine uses.
ArchiveOptions archive_options(const std::string& mirror = "");

/// The kernel that crashpath takes when none is named.
std::string default_kernel(const Catalog& catalog);

/// `with_probes`: build the probe modules for this kernel too. A probe that does not build for it is said and
/// left out: scenarios that need it are skipped with that reason.
Result<GuestImage> prepare_image(const KernelSpec& spec, const Architecture& architecture, bool with_probes,
                                 const ArchiveOptions& archive);

}  // namespace crashpath
