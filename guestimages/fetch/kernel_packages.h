#pragma once

// From what the user asks for to kernel packages that the archive has today.

#include <string>
#include <vector>

#include "guestimages/catalog/kernel_spec.h"
#include "guestimages/fetch/archive.h"
#include "harness/base/result.h"

namespace crashpath {

/// A kernel in the archive.
struct KernelPackages {
  std::string release;  ///< uname -r: the package's name without "linux-image-"
  std::string flavour;  ///< "rt-arm64"
  const Suite* suite = nullptr;
  std::vector<Package>
      packages;  ///< the image package first, then what else the kernel consists of (from 7.0 on: the
                 ///< binary, its config and its modules are packages of their own)
};

/// The newest kernel of a series and flavour, or a certain package, in the first suite near the host's that
/// has it whole. A usage error for a flavour that the architecture does not have or a kernel that no suite
/// has (with what there is instead); a host error when a suite could not be asked.
Result<KernelPackages> resolve_kernel(Archive& archive, const KernelSpec& spec);

/// The same from packages that resolve_kernel() found before. A host error when the catalog no longer has
/// their suite.
Result<KernelPackages> kernel_of(const std::vector<Package>& packages, const Catalog& catalog,
                                 const std::string& debian_architecture);

/// Headers of a kernel: packages to build modules for it with, of the guest's architecture ("all" included).
/// The tools in linux-kbuild-* run on the build host and are left out; kbuild_package() names them.
Result<std::vector<Package>> header_packages(Archive& archive, const KernelPackages& kernel);

/// The name of the package with the build tools that a kernel's headers package asks for. It differs:
/// linux-kbuild-6.1, linux-kbuild-6.12.95+deb12.
Result<std::string> kbuild_package(const Archive& archive, const Package& headers);

/// The newest kernel of each series and flavour in each suite, nearest suite first. Suites that cannot be
/// read are left out and said.
Result<std::vector<KernelPackages>> list_kernel_packages(Archive& archive);

/// "6.12" of a release or version "6.12.95+deb12-arm64".
std::string series_of(std::string_view release);

}  // namespace crashpath
