#pragma once

// A child process and its lifetime. It never outlives us: it is killed with the Child object, and by the
// kernel when we are killed (PR_SET_PDEATHSIG). For a command that runs to its end see command.h.

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/result.h"

namespace crashpath {

struct ChildUser {
  uid_t uid = 0;
  gid_t gid = 0;
};
/// The unprivileged user "nobody" of the password database; none when there is none.
std::optional<ChildUser> find_nobody();

struct ChildOptions {
  std::vector<std::string> argv;  ///< argv[0] is looked up in PATH unless it has a slash
  std::map<std::string, std::string> environment = {};  ///< on top of ours
  std::filesystem::path directory = {};                 ///< empty: ours

  /// Descriptors that become 0, 1 and 2 of the child; -1: /dev/null. They stay the caller's.
  int in = -1;
  int out = -1;
  int err = -1;
  /// Descriptors that the child gets besides, under the numbers they have here. Ours stay O_CLOEXEC: the flag
  /// is cleared in the child alone, so that no other child started meanwhile gets them. They stay the
  /// caller's.
  std::vector<int> inherit = {};

  /// Drop to this user, without supplementary groups, before the program starts. Needs root.
  std::optional<ChildUser> user = {};
};

struct ChildExit {
  int exit_code = 0;               ///< when it was not killed by a signal
  std::optional<int> signal = {};  ///< the signal that killed it
  /// One number as shells have it: 128 + signal, or the exit code.
  int status() const { return signal ? 128 + *signal : exit_code; }
};

/// A running child in a process group of its own, without core dumps, with signals reset.
///
/// One thread owns it: the thread that starts it has to stay until it has ended, because PR_SET_PDEATHSIG
/// speaks of the thread that forked and not of the process; and the io_context is run by that thread alone,
/// since it is the one place that collects the exit status.
class Child {
 public:
  /// `on_exit` is called from the io_context, once, when the child ended by itself. It is not called after
  /// end().
  static Result<Child> start(boost::asio::io_context& io, const ChildOptions& options,
                             std::function<void(ChildExit)> on_exit);

  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;
  ~Child();  ///< as end()

  pid_t pid() const;
  /// Its exit when it is known: on_exit was called, or end().
  std::optional<ChildExit> exit() const;

  /// Sends SIGKILL to its process group; on_exit follows. Nothing when it has ended.
  void kill();
  /// Kills its process group and waits until it is gone. May be called again.
  ChildExit end();

 private:
  struct State;
  explicit Child(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace crashpath
