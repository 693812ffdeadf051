#pragma once

// Runs jobs side by side.

#include <atomic>
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

namespace crashpath {

/// Calls `job` with 0 to count-1, in this order, on up to `workers` threads. Once `stop` is set no further
/// job begins. Returns when those that began have ended. What a job throws is thrown here, once all others
/// have ended.
void run_jobs(std::size_t count, int workers, const std::atomic<bool>& stop,
              const std::function<void(std::size_t)>& job);

/// The same with results, in the order of the numbers; nothing for a job that never began.
template <class T>
std::vector<std::optional<T>> run_jobs_for(std::size_t count, int workers, const std::atomic<bool>& stop,
                                           const std::function<T(std::size_t)>& job) {
  std::vector<std::optional<T>> results(count);
  run_jobs(count, workers, stop, [&](std::size_t number) { results[number] = job(number); });
  return results;
}

}  // namespace crashpath
