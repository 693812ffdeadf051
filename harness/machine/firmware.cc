#include "harness/machine/firmware.h"

#include <array>

namespace crashpath {
namespace {

/// Where Debian and others keep UEFI for arm64 machines; the first that is there.
constexpr std::array kFirmwareFiles = {"/usr/share/qemu-efi-aarch64/QEMU_EFI.fd",
                                       "/usr/share/AAVMF/AAVMF_CODE.fd",
                                       "/usr/share/edk2/aarch64/QEMU_EFI.fd"};

}  // namespace

Result<std::filesystem::path> find_firmware(const MachineConfig& config) {
  if (!config.firmware || !config.architecture->has_firmware_option) return std::filesystem::path();
  for (const auto* file : kFirmwareFiles)
    if (std::filesystem::exists(file)) return std::filesystem::path(file);
  return Error::host("there is no UEFI firmware for arm64 machines")
      .with_hint("apt-get install qemu-efi-aarch64, or boot without it (firmware = false)");
}

}  // namespace crashpath
