#include "guestimages/agent/uevents.h"

#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <ctime>

namespace crashpath {

namespace {
using Steady = std::chrono::steady_clock;
// A uevent may come before what it announces can be seen, so look again soon even when there is none.
constexpr std::chrono::milliseconds longest_sleep{50};
}  // namespace

Uevents::Uevents()
    : socket_(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT)) {
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1;  // the kernel's own announcements
  if (socket_ && ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    socket_.reset();
}

bool Uevents::wait_until(const std::function<bool()>& condition, std::chrono::milliseconds at_most) {
  const auto deadline = Steady::now() + at_most;
  while (!condition()) {
    if (Steady::now() >= deadline) return false;
    pollfd fd{socket_.get(), POLLIN, 0};
    ::poll(&fd, 1, static_cast<int>(longest_sleep.count()));
    char event[8192];
    while (socket_ && ::recv(socket_.get(), event, sizeof event, 0) > 0) {
    }
  }
  return true;
}

std::chrono::milliseconds device_deadline() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  const auto booted_in = std::chrono::seconds(now.tv_sec);
  return std::max<std::chrono::milliseconds>(std::chrono::seconds(10), 5 * booted_in);
}

}  // namespace crashpath
