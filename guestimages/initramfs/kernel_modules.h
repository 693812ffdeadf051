#pragma once

// Kernel modules of a guest: which ones, in which order, and their uncompressed bytes.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace crashpath {

/// A module that is to be loaded.
struct KernelModule {
  std::string name;  ///< as the kernel calls it: "virtio_pci"
  std::string
      path;  ///< below lib/modules/RELEASE, without compression suffix: "kernel/drivers/.../virtio_pci.ko"
  std::string file;  ///< the same as it is in the package: "....ko.xz"
  std::vector<std::string>
      depends;  ///< paths (as `path`) of what must be loaded before, last needed first, as modules.dep has it
};

/// The modules `names` and what they need, each after what it needs. `modules_dep` is the text of
/// modules.dep. A name that the kernel has built in, or does not have at all, is left out: the guest's
/// capabilities are asked of the guest.
std::vector<KernelModule> select_modules(std::string_view modules_dep, const std::vector<std::string>& names);

/// modules.dep of the selected modules as they are in the initramfs.
std::string to_modules_dep(const std::vector<KernelModule>& modules);

/// The whole file, decompressed when it is (xz, zstd, gzip: told by content).
Result<std::string> read_decompressed(const std::filesystem::path& file);

/// Makes modules.dep below ROOT/lib/modules/RELEASE or ROOT/usr/lib/modules/RELEASE with the host's depmod.
Result<> run_depmod(const std::filesystem::path& root, const std::string& release);

/// ROOT/lib/modules/RELEASE or ROOT/usr/lib/modules/RELEASE, whichever is there; empty when none is.
std::filesystem::path modules_directory(const std::filesystem::path& root, const std::string& release);

}  // namespace crashpath
