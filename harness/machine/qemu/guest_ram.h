#pragma once

// The guest's RAM, which QEMU and we both see.

#include <sys/types.h>

#include <memory>
#include <span>

#include "harness/machine/machine.h"

namespace crashpath {

class GuestRam {
 public:
  virtual ~GuestRam() = default;
  /// The memory file that QEMU maps.
  virtual int fd() const = 0;
  /// The RAM of this QEMU as it is now. The guest should be paused. Valid until the next call.
  virtual Result<GuestMemory> view(pid_t qemu) = 0;
  virtual Result<> write(pid_t qemu, std::uint64_t offset, std::span<const std::byte> bytes) = 0;
};

/// A memory file that QEMU and we map shared.
Result<std::unique_ptr<GuestRam>> make_shared_ram(std::uint64_t bytes);

/// A frozen memory file that QEMU maps privately: its writes are for itself. Which pages those are is read
/// out of /proc/PID/pagemap, and their bytes out of the process.
Result<std::unique_ptr<GuestRam>> make_forked_ram(std::shared_ptr<const FrozenRam> frozen);

}  // namespace crashpath
