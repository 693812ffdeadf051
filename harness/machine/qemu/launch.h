#pragma once

// Everything that has to be opened, made and found before a QEMU process can start.

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "harness/machine/machine.h"
#include "harness/machine/qemu/channel.h"
#include "harness/machine/qemu/command_line.h"
#include "harness/machine/qemu/guest_ram.h"
#include "harness/process/child.h"

namespace crashpath {

/// Descriptors and arguments of one QEMU. The child inherits its own ends; they are closed here with this
/// object.
struct QemuLaunch {
  SocketPair console;
  SocketPair agent;
  SocketPair monitor;
  SocketPair log;               ///< QEMU's standard error
  UniqueFd device_state;        ///< of the saved guest that this one is a fork of
  std::vector<UniqueFd> files;  ///< kernel, initramfs, firmware, disk
  ChildOptions child;
  boost::json::object description;  ///< for Machine::describe()
};

/// Errors of fault host say what is missing (QEMU, firmware, a kernel) and what to do about it. Creates the
/// capture disk.
Result<QemuLaunch> prepare_qemu(const MachineConfig& config, const GuestRam& ram);

/// The QEMU and the firmware that this machine would run with, as they are now, and how. Another text:
/// another QEMU, whose saved guests are not ours.
Result<std::string> qemu_identity(const MachineConfig& config);

/// Endpoints for a machine on a terminal, from plain files: no agent, no monitor, RAM of QEMU's own.
Result<QemuEndpoints> replay_endpoints(const MachineConfig& config);

}  // namespace crashpath
