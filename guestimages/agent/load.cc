// The command `load.start`: something to crash under.

#include <sys/mman.h>
#include <unistd.h>

#include "guestimages/agent/commands.h"
#include "guestimages/agent/task.h"
#include "guestimages/agent/workload.h"

namespace crashpath {
namespace {

[[noreturn]] int keep_busy() {
  for (volatile unsigned long counter = 0;;) counter = counter + 1;
}

/// Writes to every page of its memory, again and again, each time something else.
[[noreturn]] int keep_writing(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) ::_exit(1);
  for (unsigned long round = 1;; ++round) write_to_all_pages(memory, bytes, round);
}

}  // namespace

Result<Answer> start_load(Session&, const boost::json::value&, Arguments arguments) {
  const std::int64_t tasks = CP_TRY(arguments.number("cpu_tasks"));
  const std::int64_t memory_mib = CP_TRY(arguments.number("memory_mib"));
  CP_TRY(arguments.nothing_else());
  if (tasks < 0 || tasks > 1024) return Error::guest("'cpu_tasks' must be 0 to 1024");
  if (memory_mib < 0 || memory_mib > 1024 * 1024) return Error::guest("'memory_mib' must be 0 to 1048576");

  boost::json::array pids;
  for (std::int64_t i = 0; i < tasks; ++i) pids.emplace_back(CP_TRY(start_task("load-cpu", -1, keep_busy)));
  const auto write_memory = [memory_mib] { return keep_writing(static_cast<std::size_t>(memory_mib) << 20); };
  if (memory_mib > 0) pids.emplace_back(CP_TRY(start_task("load-memory", -1, write_memory)));
  Answer answer;
  answer.data["pids"] = std::move(pids);
  return answer;
}

}  // namespace crashpath
