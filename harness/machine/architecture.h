#pragma once

// An architecture of guests: one record. A new architecture is a new record in architecture.cc.

#include <cstdint>
#include <string_view>
#include <vector>

namespace crashpath {

struct Architecture {
  std::string_view name;                 ///< ours, as --arch and scenario files say it: "arm64", "pseries"
  std::string_view debian_architecture;  ///< "arm64", "ppc64el"
  std::string_view triplet;              ///< GNU triplet of cross tools: "aarch64-linux-gnu"
  std::string_view kernel_arch;          ///< ARCH= of kbuild: "arm64", "powerpc"
  std::string_view kernel_image;   ///< file name of the kernel in Debian's packages: "vmlinuz", "vmlinux"
  std::string_view uname_machine;  ///< "aarch64", "ppc64le"
  std::string_view qemu_binary;    ///< "qemu-system-aarch64"
  std::string_view qemu_package;   ///< Debian package that has it: "qemu-system-arm"
  std::string_view qemu_machine;   ///< "virt", "pseries"
  std::string_view libvirt_arch;   ///< how libvirt calls it: "aarch64", "ppc64le"
  std::string_view default_cpu;    ///< -cpu
  std::string_view all_page_sizes_cpu;  ///< -cpu that also runs kernels whose page size default_cpu lacks
  std::string_view console;             ///< first console= argument: "ttyAMA0", "hvc0"
  std::string_view crashkernel;         ///< crashkernel= that lets a Debian kernel capture comfortably
  std::string_view kexec_argument;  ///< what kexec-tools needs for purgatory to have a console; may be empty
  std::string_view capture_append;  ///< what the crash kernel's command line needs besides the console
  /// What it is given besides to come up sooner, unless a scenario says `lean = false`: things that a crash
  /// kernel does for its own sake and that no dump depends on.
  std::string_view lean_capture_append;
  std::uint64_t ram_base;    ///< guest physical address of the first byte of RAM
  bool has_nmi;              ///< QEMU's machine implements inject-nmi
  bool has_firmware_option;  ///< boots with UEFI or without
};

/// All architectures, in the order reports list them.
const std::vector<Architecture>& architectures();
/// By name, or nullptr.
const Architecture* find_architecture(std::string_view name);

}  // namespace crashpath
