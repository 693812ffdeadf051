#pragma once

// What happens in a child between fork and exec, as an initializer of Boost.Process v2. Only child.cc
// includes this.

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

// Boost 1.81 uses these in process/v2 without including them when it is built on std::filesystem.
#include <boost/core/exchange.hpp>
#include <boost/optional.hpp>
#include <boost/type_traits/decay.hpp>
#include <boost/type_traits/is_convertible.hpp>
// After those.
#include <boost/process/v2/process.hpp>

#include "harness/process/child.h"

namespace crashpath {

/// Everything in here runs in the forked child of a program with threads: system calls only.
class ChildSetup {
 public:
  using ErrorCode = boost::system::error_code;
  using Launcher = boost::process::v2::posix::default_launcher;
  using Path = boost::process::v2::filesystem::path;

  ChildSetup(const ChildOptions& options, int in, int out, int err, std::vector<const char*> environment)
      : options_(options), stdio_{in, out, err}, environment_(std::move(environment)), parent_(::getpid()) {}

  ErrorCode on_setup(Launcher& launcher, const Path&, const char* const*&) {
    // The launcher closes everything above the highest number that it is told to keep.
    launcher.fd_whitelist.insert(launcher.fd_whitelist.end(), options_.inherit.begin(),
                                 options_.inherit.end());
    launcher.env = environment_.data();
    return {};
  }

  /// The launcher reports errno to the parent, so a failed call has to be the last one.
  ErrorCode on_exec_setup(Launcher&, const Path&, const char* const*&) {
    if (reset_signals() && give_descriptors() && limit() && change_user() && die_with_parent()) return {};
    return {errno, boost::system::system_category()};
  }

  /// The launcher would call exit(3), which runs our own exit handlers in the child. It tests for one list of
  /// arguments and calls with another, hence the template.
  template <class... Arguments>
  [[noreturn]] void on_exec_error(Arguments&&...) {
    ::_exit(127);
  }

 private:
  static bool reset_signals() {
    sigset_t none;
    sigemptyset(&none);
    return ::sigprocmask(SIG_SETMASK, &none, nullptr) == 0 && ::signal(SIGPIPE, SIG_DFL) != SIG_ERR;
  }

  bool give_descriptors() const {
    for (int number = 0; number < 3; ++number)
      if (::dup2(stdio_[number], number) < 0) return false;
    // Also what whoever started us left open. An old kernel without this call passes such descriptors on.
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    for (const int fd : options_.inherit)
      if (::fcntl(fd, F_SETFD, 0) < 0) return false;
    return true;
  }

  bool limit() const {
    const rlimit none{0, 0};
    if (::setpgid(0, 0) != 0 || ::setrlimit(RLIMIT_CORE, &none) != 0) return false;
    return options_.directory.empty() || ::chdir(options_.directory.c_str()) == 0;
  }

  bool change_user() const {
    if (!options_.user) return true;
    return ::setgroups(0, nullptr) == 0 && ::setgid(options_.user->gid) == 0 &&
           ::setuid(options_.user->uid) == 0;
  }

  /// After change_user: a change of credentials clears the signal (prctl(2)).
  bool die_with_parent() const {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return false;
    if (::getppid() != parent_) ::_exit(127);  // it died before the signal was set
    return true;
  }

  const ChildOptions& options_;
  int stdio_[3];
  std::vector<const char*> environment_;
  pid_t parent_;
};

}  // namespace crashpath
