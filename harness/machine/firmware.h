#pragma once

// What a machine boots through.

#include <filesystem>

#include "harness/machine/machine.h"

namespace crashpath {

/// The UEFI of this host for the machine, or an empty path when it boots without one. A host error when there
/// is none.
Result<std::filesystem::path> find_firmware(const MachineConfig& config);

}  // namespace crashpath
