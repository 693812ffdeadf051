#pragma once

// What `--kernel` says.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace crashpath {

/// One kernel as the user asks for it. The forms:
///
///   6.12  7.2  7.x               newest kernel of that series in the suite closest to the host's release
///   6.12-rt  6.1-cloud  6.12-16k that series in another flavour
///   linux-image-6.12.95+deb12-arm64[=VERSION]   a package
///   ./Image[:modules=DIR][:config=FILE]         a kernel of the user's own: Image, vmlinuz or vmlinux. A
///   path has a
///                                slash in it. DIR is lib/modules/RELEASE as `make modules_install` leaves it
struct KernelSpec {
  enum class Kind { series, package, path };
  std::string text;  ///< as it was asked for
  Kind kind = Kind::series;
  std::string series;             ///< "6.12", or "7.x" for any 7
  std::string flavour;            ///< "rt"; empty: the default one
  std::string package;            ///< "linux-image-..."
  std::string version;            ///< of the package, or empty: the newest
  std::filesystem::path image;    ///< absolute
  std::filesystem::path modules;  ///< absolute, or empty
  std::filesystem::path config;   ///< absolute, or empty
};

/// A comma list of them. A usage error says what is accepted.
Result<std::vector<KernelSpec>> parse_kernel_specs(std::string_view list);

/// Whether a kernel version ("6.12.95+deb12", "7.3") is of a series ("6.12", "7.x").
bool is_of_series(std::string_view version, std::string_view series);

}  // namespace crashpath
