#pragma once

// A guest's memory by guest physical addresses, whoever holds it: a dump, a file that the host saved, the
// stopped guest itself.

#include <cstddef>
#include <cstdint>
#include <span>

#include "harness/base/result.h"

namespace crashpath {

class PhysicalMemory {
 public:
  virtual ~PhysicalMemory() = default;

  /// Fills all of `into`, or is an error: of fault `lacks` where this holder left out what stands there (a
  /// page that makedumpfile filters, an address that no witness named), of fault `guest` where no memory is.
  virtual Result<> read(std::uint64_t address, std::span<std::byte> into) const = 0;
};

}  // namespace crashpath
