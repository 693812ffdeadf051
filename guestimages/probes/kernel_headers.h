#pragma once

// The headers packages of a Debian kernel, as kbuild needs them for modules of ours.

#include <filesystem>
#include <string>

#include "harness/base/result.h"

namespace crashpath {

/// Three packages unpacked into one root, as the symbolic links between them need it:
/// usr/src/linux-headers-RELEASE, the -common one beside it, and usr/lib/linux-kbuild-* of the *build host's*
/// architecture, since it holds programs.
struct KernelHeaders {
  std::filesystem::path root;
  std::string release;          ///< `uname -r` of the kernel: "6.12.95+deb12-arm64"
  std::string package_version;  ///< "6.12.95-1~bpo12+1"
  std::string suite;  ///< where the packages come from, and with that the compiler: "bookworm-backports"

  std::filesystem::path directory() const { return root / "usr/src" / ("linux-headers-" + release); }
};

/// The compiler that built the kernel, without its triplet: "gcc-12". From .kernelvariables, which Debian's
/// headers packages bring for this purpose; another major version may lack options that the kernel was
/// configured with.
Result<std::string> kernel_compiler(const KernelHeaders& headers);

/// Makes `directory` a tree for `make -C`: links to everything in the flavour's headers, and a Makefile that
/// names the unpacked packages where Debian's names /usr/src. The unpacked packages stay as they are.
Result<> stage_headers(const KernelHeaders& headers, const std::filesystem::path& directory);

}  // namespace crashpath
