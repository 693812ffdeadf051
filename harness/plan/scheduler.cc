#include "harness/plan/scheduler.h"

#include <algorithm>
#include <exception>
#include <future>

namespace crashpath {

void run_jobs(std::size_t count, int workers, const std::atomic<bool>& stop,
              const std::function<void(std::size_t)>& job) {
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> thrown = false;
  const auto work = [&] {
    while (!stop && !thrown) {
      const std::size_t number = next++;
      if (number >= count) return;
      try {
        job(number);
      } catch (...) {
        thrown = true;
        throw;
      }
    }
  };
  std::vector<std::future<void>> threads;
  const auto wanted = std::min(count, static_cast<std::size_t>(std::max(workers, 1)));
  for (std::size_t i = 0; i < wanted; ++i) threads.push_back(std::async(std::launch::async, work));
  for (const auto& thread : threads) thread.wait();
  for (auto& thread : threads) thread.get();
}

}  // namespace crashpath
