#pragma once

// The compiler of the Debian suite that built a kernel: this machine's own when it has that version, else out
// of a toolchain root, a directory with that suite's cross compiler and make, entered with bubblewrap.

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/machine/architecture.h"
#include "harness/process/command.h"

namespace crashpath {

struct Toolchain {
  std::filesystem::path root;  ///< empty: this machine's own

  /// The same command as it has to be run: with this toolchain's programs, and of the file system `readable`
  /// and `writable` only (under their own names), when there is a root.
  Command inside(Command command, const std::vector<std::filesystem::path>& readable,
                 const std::vector<std::filesystem::path>& writable) const;
};

struct ToolchainRequest {
  const Architecture* architecture = nullptr;
  std::string compiler;                   ///< "gcc-14"
  std::string suite;                      ///< of the kernel: "trixie-backports"; its compiler is of "trixie"
  std::string mirror;                     ///< "http://HOST/debian": for a root that has yet to be made
  std::vector<std::string> apt_settings;  ///< lines of an apt.conf: how this machine reaches its mirrors
  std::filesystem::path directory;        ///< where toolchain roots are kept
  std::function<void(std::string_view)> say;  ///< told before something that takes long; may be empty
};

/// This machine's compiler when it is installed in that version, else the suite's toolchain root, which is
/// made by mmdebstrap when it is not there yet (about 10 s, 300 MB). apt's signature checks stay on. A host
/// error says what to install when neither can be had.
Result<Toolchain> find_toolchain(const ToolchainRequest& request);

/// "trixie" for "trixie-backports": what is in an add-on suite was built with the compiler of its base suite.
std::string_view base_suite(std::string_view suite);

}  // namespace crashpath
