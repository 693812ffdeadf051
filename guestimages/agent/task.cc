#include "guestimages/agent/task.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace crashpath {
namespace {

void close_all_but(int keep) {
  constexpr unsigned after_standard = 3;
  if (keep < 0) {
    ::close_range(after_standard, ~0U, 0);
    return;
  }
  const auto kept = static_cast<unsigned>(keep);
  if (kept > after_standard) ::close_range(after_standard, kept - 1, 0);
  ::close_range(kept + 1, ~0U, 0);
}

}  // namespace

Result<pid_t> start_task(const char* name, int keep, const std::function<int()>& life) {
  const pid_t pid = ::fork();
  if (pid < 0) return Error::from_errno(fmt::format("cannot fork {}", name));
  if (pid != 0) return pid;
  ::prctl(PR_SET_NAME, name);
  close_all_but(keep);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::_exit(life());
}

}  // namespace crashpath
