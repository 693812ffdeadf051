#pragma once

// Builds probe modules for a guest's stock kernel, out of tree, from its headers packages. Results are cached
// under a key of everything that goes in, so a second call costs a look at the file system.

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "guestimages/probes/kernel_headers.h"
#include "guestimages/probes/toolchain.h"
#include "harness/base/result.h"
#include "harness/machine/architecture.h"

namespace crashpath {

struct ProbeBuild {
  const Architecture* architecture = nullptr;
  KernelHeaders headers;
  std::string mirror;             ///< Debian mirror for a toolchain root: "http://HOST/debian"
  std::filesystem::path sources;  ///< probe_sources(): NAME.c is the probe NAME; include/*.h: shared
  std::filesystem::path cache;    ///< cache_directory(): probes/ and toolchains/ below it
  std::vector<std::string> apt_settings = {};  ///< lines of an apt.conf: how this machine reaches its mirrors
  std::function<void(std::string_view)> say = {};  ///< told before something that takes long
};

struct ProbeSet {
  std::map<std::string, std::filesystem::path> modules;  ///< name: its .ko, under a name of the cache's
  /// name: why it does not build for this kernel, in one line: the probe lacks something there, and nobody
  /// failed.
  std::map<std::string, std::string> reasons;
};

/// guestimages/probes of the data directory.
std::filesystem::path probe_sources();

/// The names of all probes in a directory, sorted.
Result<std::vector<std::string>> list_probes(const std::filesystem::path& sources);

/// Builds the named probes. An error when a name is unknown (usage) or when they cannot be built here,
/// whatever they hold: no compiler, no headers, a full disk (host).
Result<ProbeSet> build_probes(const ProbeBuild& build, const std::vector<std::string>& names);

}  // namespace crashpath
