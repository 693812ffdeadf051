#pragma once

// Whether the memory of the LPI tables stayed theirs.

#include "harness/trial/check.h"
#include "memreserve/witnesses.h"

namespace crashpath {

/// Fails for a table whose pages the kernel gave back, or in which somebody else wrote. An error where no
/// table can be looked at; what only some evidence does not show is said.
Result<CheckResult> judge_tables_kept(const Witnesses& witnesses);

}  // namespace crashpath
