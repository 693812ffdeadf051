#pragma once

// The allocator of RTAS work areas as a crashed kernel left it
// (arch/powerpc/platforms/pseries/rtas-work-area.c, lib/genalloc.c).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/evidence/kernel_state.h"
#include "harness/evidence/ranges.h"

namespace crashpath {

struct WorkAreaTask {
  std::string name;  ///< "crash-workload/203"
  int pid = 0;
};

struct WorkAreaPool {
  std::vector<Range> arena;           ///< physical
  std::vector<Range> used;            ///< physical, in units of `granule`; normalized
  std::uint64_t granule = 0;          ///< bytes
  std::optional<WorkAreaTask> first;  ///< who has the allocator's mutex: its request is the next to be served
  std::vector<WorkAreaTask> queue;    ///< who waits for that mutex, in the order of the queue
};

/// Errors are those of KernelState: `lacks` where this kernel has no such allocator or its structures are
/// others.
Result<WorkAreaPool> read_work_area_pool(const KernelState& kernel);

}  // namespace crashpath
