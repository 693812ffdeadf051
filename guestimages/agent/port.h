#pragma once

// The virtio-serial port to the host.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "guestimages/agent/line_buffer.h"
#include "harness/base/file.h"
#include "harness/base/result.h"

namespace crashpath {

/// Device ("/dev/vport1p1") of the virtio-serial port of this name, looked up in `class_directory`
/// (/sys/class/virtio-ports, NAME/name).
std::optional<std::filesystem::path> find_port(const std::filesystem::path& class_directory,
                                               std::string_view name);

class Port {
 public:
  /// Waits for the port and opens it. The error names the ports that were there instead.
  static Result<Port> open(std::string_view name);

  /// Writes a line and its end; blocks while nobody is connected on the host's side.
  Result<> send(std::string_view line);

  /// Returns once the host has taken everything that was sent. A write(2) only queues the data in the guest's
  /// memory, but closing the port sends a control message and spins until the host has consumed it, and the
  /// host works off the queues in one go (virtio_console.c: port_fops_release, __send_control_msg). So:
  /// close, and open again.
  Result<> flush();

  /// Reads what is there and waits for nothing. False when the host is not connected.
  Result<bool> receive(LineBuffer& lines);

  int fd() const { return fd_.get(); }

 private:
  Port(std::filesystem::path device, UniqueFd fd) : device_(std::move(device)), fd_(std::move(fd)) {}

  std::filesystem::path device_;
  UniqueFd fd_;
};

}  // namespace crashpath
