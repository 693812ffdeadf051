#pragma once

// A machine's configuration as a QEMU command line: for the live machine, whose channels are inherited
// sockets, and for replay.sh, whose console is the terminal.

#include <string>
#include <vector>

#include "harness/machine/machine.h"
#include "harness/machine/qemu/accelerator.h"

namespace crashpath {

/// What differs between a live machine and a replayed one: where files are and where channels end. A chardev
/// is what follows "-chardev " without an id: "socket,fd=5", "stdio,signal=off", "file,path=x".
struct QemuEndpoints {
  std::string program = {};  ///< of QEMU
  Accelerator accelerator = Accelerator::tcg;

  std::string kernel = {};
  std::string initramfs = {};  ///< empty: none
  std::string firmware = {};   ///< UEFI; empty: none
  std::string memory = {};     ///< file that is the guest's RAM, shared with it; empty: memory of QEMU's own
  std::string capture_disk = {};  ///< raw file behind /dev/vda; empty: no disk
  int capture_disk_fd = -1;  ///< when capture_disk is "/dev/fdset/1": the inherited descriptor in that set
  bool log_guest_errors = false;  ///< what the guest does that hardware would not take

  std::string console = {};  ///< chardev of the first serial port
  std::string agent = {};    ///< chardev of the port crashpath.agent; empty: no such port
  std::string monitor = {};  ///< chardev of QMP; empty: no monitor
  bool paused = false;       ///< wait for "cont"
  bool incoming = false;     ///< wait for the device state of a saved guest
};

/// argv of QEMU; [0] is the program. Pure: opens nothing, asks the host nothing.
std::vector<std::string> qemu_command_line(const MachineConfig& config, const QemuEndpoints& endpoints);

/// The same command line as text, one option a line, that a shell runs.
std::string to_shell_lines(const std::vector<std::string>& argv);

}  // namespace crashpath
