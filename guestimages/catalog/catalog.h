#pragma once

// The catalog: which suites, kernel flavours and userland guests are made of. Data, in *.toml beside this
// file.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace crashpath {

/// A suite of Debian's archive.
struct Suite {
  std::string name;      ///< "bookworm-backports", as apt sources say it
  std::string release;   ///< the release that it belongs to: "bookworm"
  std::string compiler;  ///< what built its kernels, and must build modules for them: "gcc-12"
};

/// A kernel flavour of one architecture.
struct Flavour {
  std::string name;     ///< as `--kernel SERIES-NAME` says it; empty for the default flavour
  std::string package;  ///< how package names end: "rt-arm64"
};

/// Kernels of one architecture.
struct KernelCatalog {
  std::string architecture;         ///< Debian's name: "ppc64el"
  std::vector<std::string> series;  ///< the series that crashpath is tested with
  std::vector<Flavour> flavours;    ///< the default flavour is one of them

  /// By its name on the command line (empty: the default one), or nullptr.
  const Flavour* find_flavour(std::string_view name) const;
  /// The flavour whose name a package name or a kernel release ends with, or nullptr.
  const Flavour* flavour_of(std::string_view package_or_release) const;
};

struct UserlandCatalog {
  std::string release;                ///< where the host is no release that the catalog knows
  std::vector<std::string> packages;  ///< whose dependency closure makes up the userland
  std::vector<std::string> programs;  ///< paths in the initramfs
  std::vector<std::string> applets;   ///< links to busybox
  std::vector<std::string> modules;   ///< kernel modules that both kernels need
};

struct Catalog {
  std::vector<Suite> suites;  ///< oldest release first
  std::string default_series;
  std::vector<KernelCatalog> kernels;
  UserlandCatalog userland;

  const Suite* find_suite(std::string_view name) const;
  const KernelCatalog* find_kernels(std::string_view debian_architecture) const;

  /// All suites, closest to `release` first: its own, its backports, then release by release, the newer one
  /// first where two are equally far. A release that the catalog does not know counts as the userland's
  /// fallback release.
  std::vector<const Suite*> suites_near(std::string_view release) const;
};

/// suites.toml, kernels.toml and userland.toml of a directory; an error names file, line and column.
Result<Catalog> load_catalog(const std::filesystem::path& directory);

/// The catalog in data_directory().
Result<Catalog> load_catalog();

/// VERSION_CODENAME of an os-release(5) text, or empty when it has none.
std::string version_codename(std::string_view os_release);

/// version_codename() of this machine's /etc/os-release.
std::string host_release();

}  // namespace crashpath
