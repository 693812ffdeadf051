#pragma once

// Guest images: a kernel, its initramfs for both kernels, and where all of it comes from, ready in the cache.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "guestimages/catalog/catalog.h"
#include "guestimages/catalog/kernel_spec.h"
#include "guestimages/fetch/archive.h"
#include "guestimages/guest_kernel.h"
#include "harness/base/result.h"
#include "harness/trial/planned_trial.h"

namespace crashpath {

struct ImageOptions {
  ArchiveOptions archive;
  std::filesystem::path agent;                          ///< a static program: /init of both kernels
  std::map<std::string, std::filesystem::path> probes;  ///< name -> module built for this kernel
};

/// An image of a kernel that was fetched before (its headers are what probes are built from). Made when the
/// cache does not have one of exactly this content: CACHE/images/ARCHITECTURE-RELEASE-KEY/, where KEY is a
/// hash of every file that goes in and of the packages' versions.
Result<GuestImage> make_guest_image(const GuestKernel& kernel, const Catalog& catalog,
                                    const ImageOptions& options);

/// Fetches the kernel, then makes the image.
Result<GuestImage> make_guest_image(const KernelSpec& spec, const Architecture& architecture,
                                    const ImageOptions& options);

/// An image in the cache.
struct CachedImage {
  std::filesystem::path directory;
  std::string architecture;
  std::string kernel_release;
  std::uint64_t size = 0;  ///< bytes, all files
};

/// Sorted by directory; empty when there is no cache yet.
Result<std::vector<CachedImage>> show_images(const std::filesystem::path& cache);

/// A kernel that the archive offers.
struct KernelOffer {
  std::string architecture;  ///< ours: "pseries"
  std::string series;        ///< "6.12"
  std::string flavour;       ///< as --kernel says it, empty for the default: "rt"
  std::string suite;
  std::string package;
  std::string version;
};

/// The newest kernel of each series and flavour in each suite, nearest to the host's release first. Suites
/// that cannot be read are left out and said.
Result<std::vector<KernelOffer>> list_kernels(const Architecture& architecture, const Catalog& catalog,
                                              const ArchiveOptions& options);

}  // namespace crashpath
