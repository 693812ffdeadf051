// The command `wake`: what a fork of a saved guest does first.

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/random.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>
#include <vector>

#include "guestimages/agent/commands.h"
#include "harness/base/file.h"

namespace crashpath {
namespace {

constexpr std::size_t max_entropy = 256;
constexpr long kSecond = 1'000'000'000;  // in nanoseconds

/// rand_pool_info of linux/random.h with room behind it, where its flexible array is.
struct Entropy {
  int entropy_count;  ///< bits
  int buf_size;       ///< bytes
  char bytes[max_entropy];
};

/// Mixed in and used at once (drivers/char/random.c: RNDADDENTROPY, RNDRESEEDCRNG since 4.17): all forks
/// begin with the same generator, and would go on to draw the same numbers.
Result<> reseed(std::string_view entropy) {
  if (entropy.size() > max_entropy)
    return Error::guest(fmt::format("more than {} bytes of entropy", max_entropy));
  const UniqueFd fd = CP_TRY(open_file("/dev/random", O_WRONLY));
  Entropy pool{};
  pool.entropy_count = static_cast<int>(entropy.size() * 8);
  pool.buf_size = static_cast<int>(entropy.size());
  std::memcpy(pool.bytes, entropy.data(), entropy.size());
  if (::ioctl(fd.get(), RNDADDENTROPY, &pool) != 0 || ::ioctl(fd.get(), RNDRESEEDCRNG) != 0)
    return Error::from_errno("cannot seed the random number generator");
  return {};
}

Result<> go_to(int cpu) {
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(static_cast<unsigned>(cpu), &only);
  if (::sched_setaffinity(0, sizeof only, &only) == 0) return {};
  return Error::from_errno(fmt::format("cannot go to CPU {}", cpu));
}

/// A timer on the CPU that this runs on, which expires that many nanoseconds from now.
Result<UniqueFd> set_timer(clockid_t clock, long nanoseconds) {
  UniqueFd timer(::timerfd_create(clock, TFD_CLOEXEC));
  timespec now{};
  ::clock_gettime(clock, &now);
  const long sum = now.tv_nsec + nanoseconds;
  const itimerspec due{{0, 0}, {now.tv_sec + sum / kSecond, sum % kSecond}};
  if (!timer || ::timerfd_settime(timer.get(), TFD_TIMER_ABSTIME, &due, nullptr) != 0)
    return Error::from_errno("cannot set a timer");
  return timer;
}

/// Makes every CPU set its clock event device anew, however early the kernel believes that it is set already:
/// QEMU before 8.1 loses pseries' decrementer interrupt when it loads a guest ("target/ppc: Migrate DECR
/// SPR"), and such a CPU has no timers. When the clock is set, all CPUs do so that have a timer which becomes
/// due earlier by that than their device was set to (kernel/time/hrtimer.c clock_was_set(),
/// update_needs_ipi()). A timer that expired long ago, which is simpler, does not reach the device any more
/// with Linux 7.2.
Result<> restart_timers() {
  cpu_set_t before;
  if (::sched_getaffinity(0, sizeof before, &before) != 0)
    return Error::from_errno("cannot ask for the CPUs");
  std::vector<UniqueFd> timers;
  const auto on_each = [&before](const auto& doing) -> Result<> {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(static_cast<unsigned>(cpu), &before)) continue;
      CP_TRY(go_to(cpu));
      CP_TRY(doing(cpu));
    }
    return {};
  };
  CP_TRY(on_each([&timers](int) -> Result<> {
    timers.push_back(CP_TRY(set_timer(CLOCK_REALTIME, kSecond)));
    return {};
  }));
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const timespec tomorrow{now.tv_sec + 24 * 60 * 60, now.tv_nsec};
  if (::clock_settime(CLOCK_REALTIME, &tomorrow) != 0 || ::clock_settime(CLOCK_REALTIME, &now) != 0)
    return Error::from_errno("cannot set the clock");
  // Whoever waits for ever here is a fork that does not wake.
  CP_TRY(on_each([](int cpu) -> Result<> {
    const UniqueFd timer = CP_TRY(set_timer(CLOCK_MONOTONIC, kSecond / 1000));
    std::uint64_t expired = 0;
    if (::read(timer.get(), &expired, sizeof expired) == sizeof expired) return {};
    return Error::from_errno(fmt::format("the timer of CPU {} does not expire", cpu));
  }));
  ::sched_setaffinity(0, sizeof before, &before);
  return {};
}

}  // namespace

Result<Answer> wake(Session&, const boost::json::value&, Arguments arguments) {
  const std::string entropy = CP_TRY(arguments.text_or("entropy", ""));
  const auto time = CP_TRY(arguments.optional_number("time"));
  CP_TRY(arguments.nothing_else());
  CP_TRY(restart_timers());
  if (!entropy.empty()) CP_TRY(reseed(entropy));
  if (time) {
    const timespec now{static_cast<time_t>(*time), 0};
    if (::clock_settime(CLOCK_REALTIME, &now) != 0) return Error::from_errno("cannot set the clock");
  }
  return Answer{};
}

}  // namespace crashpath
