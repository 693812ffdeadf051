#include "harness/machine/qemu/vcpu_threads.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>

#include "harness/base/file.h"

namespace crashpath {
namespace {

constexpr int kLooks = 3;
constexpr std::uint64_t kLoopBytes = 64;  ///< no hold loop is longer
constexpr int kLowest = 19;

std::uint64_t place_of(const VcpuRegisters& registers) {
  for (const char* name : {"pc", "nip"})
    if (const auto found = registers.values.find(name); found != registers.values.end()) return found->second;
  return 0;
}

}  // namespace

VcpuThreads::VcpuThreads(pid_t process, const std::vector<pid_t>& threads) : process_(process) {
  for (const pid_t id : threads) threads_.push_back({.id = id});
}

/// The first two numbers of /proc/PID/task/TID/schedstat: nanoseconds on a CPU and on a run queue (kernel
/// Documentation/scheduler/sched-stats.rst).
VcpuThreads::Times VcpuThreads::times_of(const Thread& thread) const {
  const auto text = read_file(fmt::format("/proc/{}/task/{}/schedstat", process_, thread.id));
  if (!text) return {};
  const char* const end = text->data() + text->size();
  std::int64_t ran = 0, delayed = 0;
  const auto first = std::from_chars(text->data(), end, ran);
  if (first.ptr != end) std::from_chars(first.ptr + 1, end, delayed);
  return {std::chrono::nanoseconds(ran), std::chrono::nanoseconds(delayed)};
}

Clock::duration VcpuThreads::starved() const {
  Clock::duration longest{};
  for (const Thread& thread : threads_) {
    const Clock::duration until = thread.yields ? thread.yielding_from : times_of(thread).delayed;
    longest = std::max(longest, until - thread.not_counted);
  }
  return longest;
}

bool VcpuThreads::set_yielding(Thread& thread, bool yields) const {
  if (::setpriority(PRIO_PROCESS, static_cast<id_t>(thread.id), yields ? kLowest : 0) != 0) return false;
  const Clock::duration delayed = times_of(thread).delayed;
  if (yields)
    thread.yielding_from = delayed;
  else
    thread.not_counted += delayed - thread.yielding_from;
  thread.yields = yields;
  return true;
}

/// A thread of lower priority that nobody can raise again would be worse than one that spins.
bool VcpuThreads::may_take_back() {
  if (!may_take_back_ && !threads_.empty()) {
    const auto id = static_cast<id_t>(threads_.front().id);
    const int before = ::getpriority(PRIO_PROCESS, id);
    may_take_back_ =
        before == 0 && ::setpriority(PRIO_PROCESS, id, 1) == 0 && ::setpriority(PRIO_PROCESS, id, 0) == 0;
  }
  return may_take_back_.value_or(false);
}

void VcpuThreads::take_look(const std::vector<VcpuRegisters>& registers, Clock::time_point now) {
  if (!may_take_back()) return;
  const auto since = looked_at_ ? now - *looked_at_ : Clock::duration::zero();
  looked_at_ = now;
  for (const VcpuRegisters& cpu : registers) {
    if (cpu.cpu < 0 || static_cast<std::size_t>(cpu.cpu) >= threads_.size()) continue;
    Thread& thread = threads_[static_cast<std::size_t>(cpu.cpu)];
    const Times times = times_of(thread);
    const std::uint64_t place = place_of(cpu);
    const Clock::duration active = times.ran + times.delayed - thread.active;
    const bool spins = since > Clock::duration::zero() && active >= since * 4 / 5 &&
                       std::max(place, thread.place) - std::min(place, thread.place) < kLoopBytes;
    thread.looks = spins ? thread.looks + 1 : 0;
    thread.place = place;
    thread.active = times.ran + times.delayed;
    const bool yields = thread.looks >= kLooks - 1;
    if (yields != thread.yields) set_yielding(thread, yields);
  }
}

}  // namespace crashpath
