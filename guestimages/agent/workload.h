#pragma once

// Things that a kernel does over and over, to be crashed in the middle of them.

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "guestimages/agent/arguments.h"
#include "harness/base/file.h"
#include "harness/base/result.h"

namespace crashpath {

struct Workload {
  std::string name;  ///< "cpuhp", "rtas", "sysparm", "lparcfg", "memory"
  /// cpuhp: the CPU that goes offline and online, by a task that runs elsewhere. Others: where it runs.
  std::optional<int> cpu;
  std::int64_t times = 1;
  int tasks = 1;                ///< so many do it at once, each `times` times
  std::int64_t memory_mib = 0;  ///< memory: how much is taken each time
};

/// A workload out of its description (docs/agent-protocol.md). Not ok when this guest cannot do it.
Result<Workload> parse_workload(Arguments description);

/// Does it all, in this process.
Result<> run_workload(const Workload& workload);

/// A task of the agent's that does a workload.
struct WorkloadTask {
  pid_t pid = -1;
  UniqueFd line;  ///< to tell it to begin; and what it says before it ends: nothing when all went well
};

/// Starts the task. It does nothing until it is told to begin; then `before`, and the workload, which it
/// repeats for ever when `endless`.
Result<WorkloadTask> start_workload(const Workload& workload, bool endless = false,
                                    const std::function<Result<>()>& before = {});
Result<> begin(const WorkloadTask& task);

/// Waits for the task's end. Its error, when something went wrong.
Result<> finish(WorkloadTask task);

/// The same for a task that is known to have ended with this wait status, and has been collected.
Result<> result_of(const WorkloadTask& task, int wait_status);

/// Writes into every page of `bytes` at `memory`, something else for each `value`.
void write_to_all_pages(void* memory, std::size_t bytes, unsigned long value);

/// Takes a CPU offline or online through sysfs; succeeds only when its file shows it.
Result<> set_cpu_online(std::int64_t cpu, bool online);

}  // namespace crashpath
