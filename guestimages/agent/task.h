#pragma once

// Tasks of the agent's own: forked, never executed.

#include <sys/types.h>

#include <functional>

#include "harness/base/result.h"

namespace crashpath {

/// Forks a task with this name (at most 15 characters; crash reports and process lists show it) that lives
/// `life` and ends with the exit status that it returns. Of our descriptors it keeps `keep` only, -1 for
/// none: one that kept the port would keep it from being closed. Returns when the task runs and the others
/// are closed there.
Result<pid_t> start_task(const char* name, int keep, const std::function<int()>& life);

}  // namespace crashpath
