#pragma once

// The guest's RAM: a memory file that QEMU and we map.

#include <cstddef>
#include <cstdint>
#include <span>

#include "harness/base/file.h"

namespace crashpath {

class GuestRam {
 public:
  static Result<GuestRam> create(std::uint64_t bytes);
  GuestRam(GuestRam&& other) noexcept;
  GuestRam& operator=(GuestRam&& other) noexcept;
  ~GuestRam();

  int fd() const { return fd_.get(); }
  std::span<std::byte> bytes() const { return bytes_; }

 private:
  GuestRam(UniqueFd fd, std::span<std::byte> bytes) : fd_(std::move(fd)), bytes_(bytes) {}
  UniqueFd fd_;
  std::span<std::byte> bytes_;
};

}  // namespace crashpath
