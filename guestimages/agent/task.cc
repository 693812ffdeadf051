#include "guestimages/agent/task.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "harness/base/file.h"

namespace crashpath {
namespace {

/// `kept` may have -1 in it.
void close_all_but(std::array<int, 2> kept) {
  unsigned from = 3;  // behind the standard ones
  std::sort(kept.begin(), kept.end());
  for (const int fd : kept) {
    if (fd < 0) continue;
    const auto keep = static_cast<unsigned>(fd);
    if (keep > from) ::close_range(from, keep - 1, 0);
    from = std::max(from, keep + 1);
  }
  ::close_range(from, ~0U, 0);
}

}  // namespace

Result<pid_t> start_task(const char* name, int keep, const std::function<int()>& life) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error::from_errno("cannot make a pipe");
  UniqueFd closed(ends[0]);
  UniqueFd open(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return Error::from_errno(fmt::format("cannot fork {}", name));
  if (pid != 0) {
    // Until the task runs and lets go of what it inherited, the agent's port cannot be opened again.
    open.reset();
    char none = 0;
    (void)!::read(closed.get(), &none, 1);
    return pid;
  }
  ::prctl(PR_SET_NAME, name);
  close_all_but({keep, open.get()});
  closed.release();
  open.reset();
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::_exit(life());
}

}  // namespace crashpath
