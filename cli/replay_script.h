#pragma once

#include <filesystem>

#include "harness/base/result.h"
#include "harness/trial/planned_trial.h"

namespace crashpath {

/// Writes DIRECTORY/replay.sh, which runs the same guest through the same script with plain QEMU and nothing
/// of ours on the host, and DIRECTORY/script.cpio, the script for the guest's agent. The directory must
/// exist.
Result<> write_replay_script(const PlannedTrial& trial, const std::filesystem::path& directory);

}  // namespace crashpath
