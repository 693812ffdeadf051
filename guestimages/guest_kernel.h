#pragma once

// A guest's kernel as files in the cache.

#include <filesystem>
#include <string>
#include <vector>

#include "guestimages/fetch/kernel_packages.h"
#include "guestimages/probes/kernel_headers.h"
#include "harness/base/result.h"
#include "harness/machine/architecture.h"

namespace crashpath {

struct GuestKernel {
  const Architecture* architecture = nullptr;
  KernelSpec spec;
  KernelPackages packages;  ///< its release is always there; the rest is empty for a kernel of the user's own
  std::filesystem::path image;    ///< what QEMU boots and kexec loads, as the package or the user has it
  std::filesystem::path config;   ///< may be empty
  std::filesystem::path modules;  ///< lib/modules/RELEASE with modules.dep; may be empty
};

/// The kernel that a specification means, its packages fetched and unpacked. Never goes to the archive for a
/// kernel of the user's own.
Result<GuestKernel> fetch_kernel(const KernelSpec& spec, const Architecture& architecture,
                                 const Catalog& catalog, const ArchiveOptions& options);

/// The headers of a packaged kernel with the build tools of this machine's architecture, unpacked into one
/// root. A usage error for a kernel of the user's own.
Result<KernelHeaders> fetch_headers(const GuestKernel& kernel, const Catalog& catalog,
                                    const ArchiveOptions& options);

}  // namespace crashpath
