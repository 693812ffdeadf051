#pragma once

// The checks memreserve.*: that the LPI tables of a GICv3 are reserved, used as reserved, and honoured by the
// next kernel. docs/memreserve.md explains them.

#include "harness/trial/check.h"

namespace crashpath {

/// The checks, and the memory witness "memreserve" that keeps what they read of the guest's memory.
void register_memreserve_checks(CheckRegistry& registry);

}  // namespace crashpath
