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

#include "guestimages/agent/commands.h"
#include "harness/base/file.h"

namespace crashpath {
namespace {

constexpr std::size_t max_entropy = 256;

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

/// A timer that expired long ago makes the CPU's clock event device be set anew, however early the kernel
/// believes that it is set already (kernel/time/hrtimer.c hrtimer_reprogram). QEMU before 8.1 loses pseries'
/// decrementer interrupt when it loads a guest ("target/ppc: Migrate DECR SPR"): such a CPU has no timers.
Result<> restart_timer(int cpu) {
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(static_cast<unsigned>(cpu), &only);
  if (::sched_setaffinity(0, sizeof only, &only) != 0)
    return Error::from_errno(fmt::format("cannot go to CPU {}", cpu));
  const UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
  const itimerspec long_ago{{0, 0}, {0, 1}};
  if (!timer || ::timerfd_settime(timer.get(), TFD_TIMER_ABSTIME, &long_ago, nullptr) != 0)
    return Error::from_errno("cannot set a timer");
  std::uint64_t expired = 0;
  if (::read(timer.get(), &expired, sizeof expired) != sizeof expired)
    return Error::from_errno(fmt::format("the timer of CPU {} does not expire", cpu));
  return {};
}

Result<> restart_timers() {
  cpu_set_t before;
  if (::sched_getaffinity(0, sizeof before, &before) != 0)
    return Error::from_errno("cannot ask for the CPUs");
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(static_cast<unsigned>(cpu), &before)) CP_TRY(restart_timer(cpu));
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
