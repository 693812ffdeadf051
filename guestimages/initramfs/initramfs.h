#pragma once

// The initramfs of both kernels, as docs/agent-protocol.md lists its files.
//
// They are not compressed: the guest would decompress under TCG what the host writes in no time.

#include <filesystem>
#include <map>
#include <string>

#include "guestimages/catalog/catalog.h"
#include "guestimages/initramfs/cpio.h"
#include "harness/base/result.h"
#include "harness/machine/architecture.h"

namespace crashpath {

/// What an initramfs is made of.
struct InitramfsParts {
  const Architecture* architecture = nullptr;
  const UserlandCatalog* userland = nullptr;
  std::filesystem::path packages;  ///< userland packages, unpacked over each other
  std::filesystem::path agent;     ///< a static program
  std::string release;             ///< of the kernel
  std::filesystem::path modules;   ///< lib/modules/RELEASE with modules.dep; empty: all built in
};

/// The base: the agent, userland and kernel modules. It is the whole initramfs of the capture kernel.
Result<CpioTree> base_initramfs(const InitramfsParts& parts);

/// What the first kernel's initramfs has behind the base: the kernel to load, the capture kernel's initramfs
/// and the probes (name -> module file).
Result<CpioTree> first_kernel_initramfs(const std::filesystem::path& kernel, std::string capture_initramfs,
                                        const std::string& release,
                                        const std::map<std::string, std::filesystem::path>& probes);

}  // namespace crashpath
