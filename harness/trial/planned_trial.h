#pragma once

// What a trial is made of: one scenario on one guest.

#include <boost/json.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/machine/backend.h"
#include "harness/machine/machine.h"
#include "harness/trial/scenario.h"

namespace crashpath {

/// A kernel and userland ready to boot: files in the cache, made by guestimages. harness only reads it.
struct GuestImage {
  const Architecture* architecture = nullptr;
  std::string kernel_release;              ///< uname -r
  std::string kernel_package;              ///< Debian package, or empty for a kernel of the user's
  std::string kernel_version;              ///< of the package
  std::string kernel_flavour;              ///< "arm64", "cloud-arm64", "rt-arm64", "powerpc64le", ...
  std::string kernel_spec;                 ///< as the user asked for it: "6.12"
  std::filesystem::path kernel;            ///< what QEMU boots and kexec loads
  std::filesystem::path config;            ///< kernel config, may be empty
  std::filesystem::path initramfs;         ///< first kernel
  std::filesystem::path initramfs_broken;  ///< first kernel, whose capture initramfs has no init
  std::vector<std::string> probes;         ///< names of the probe modules in it
  boost::json::object provenance;          ///< package names, versions, SHA-256 of every file: for trial.json
};

struct PlannedTrial {
  std::string id;  ///< directory name: "pseries-6.12-panic.sysrq-1"
  const Scenario* scenario = nullptr;
  const GuestImage* image = nullptr;
  MachineConfig machine;
  MachineKind machine_kind;
  int repetition = 1;
  /// What the randomness of a guest that forks from a template is seeded with; unset: another for each, and
  /// the host's clock. Guests that boot seed themselves.
  std::optional<std::uint64_t> seed = {};
  std::string skip_reason;   ///< not empty: it is not run, and this says what the guest lacks
  std::string error_reason;  ///< not empty: it cannot be run, and this says what we or the host failed at
};

/// The members that trial.json and a trial of results.json share: id, arch, scenario, repetition, kernel,
/// machine.
boost::json::object identity_to_json(const PlannedTrial& trial);

}  // namespace crashpath
