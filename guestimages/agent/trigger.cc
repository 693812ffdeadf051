// The command `trigger`: crashes this kernel.

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "guestimages/agent/commands.h"
#include "guestimages/agent/modules.h"
#include "guestimages/agent/task.h"
#include "guestimages/agent/workload.h"
#include "harness/base/file.h"

namespace crashpath {
namespace {

/// What the triggering task does: opens `file` when it is started, and crashes the kernel with it when it is
/// told to.
struct Plan {
  std::string file;  ///< /proc/sysrq-trigger, or a module
  bool is_module = false;
  std::string params;  ///< of the module
  std::optional<std::int64_t> cpu;
};

/// Binds this process to a CPU. The call returns once it runs there.
bool bind_to(std::int64_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (cpu < 0 || cpu >= CPU_SETSIZE) {
    errno = EINVAL;
    return false;
  }
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  return ::sched_setaffinity(0, sizeof set, &set) == 0;
}

/// The task's whole life. Both its report of readiness and its exit status are 0 or an errno.
int run_task(const Plan& plan, int parent) {
  unsigned char failure = 0;
  int fd = -1;
  if (plan.cpu && !bind_to(*plan.cpu))
    failure = static_cast<unsigned char>(errno);
  else if ((fd = ::open(plan.file.c_str(), (plan.is_module ? O_RDONLY : O_WRONLY) | O_CLOEXEC)) < 0)
    failure = static_cast<unsigned char>(errno);
  if (::write(parent, &failure, 1) != 1 || failure != 0) return failure;
  char go = 0;
  if (::read(parent, &go, 1) != 1) return 0;  // the agent gave up
  const long done = plan.is_module ? ::syscall(SYS_finit_module, fd, plan.params.c_str(), 0)
                                   : static_cast<long>(::write(fd, "c", 1));
  return done < 0 ? errno : 0;
}

/// The task, ready on its CPU. It waits for a byte from `go`.
struct Child {
  pid_t pid = -1;
  UniqueFd go;
};
Result<Child> start_child(const Plan& plan) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return Error::from_errno("cannot make a socket pair");
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const pid_t pid =
      CP_TRY(start_task("crash-trigger", theirs.get(), [&] { return run_task(plan, theirs.get()); }));
  theirs.reset();
  unsigned char failure = 0;
  if (::read(ours.get(), &failure, 1) != 1)
    return Error::guest("the task that was to trigger the crash has died");
  if (failure != 0)
    return Error::guest(fmt::format("cannot {}: {}",
                                    plan.cpu ? fmt::format("run on CPU {} and open {}", *plan.cpu, plan.file)
                                             : fmt::format("open {}", plan.file),
                                    std::strerror(failure)));
  return Child{pid, std::move(ours)};
}

Result<Plan> make_plan(const std::string& kind, Arguments& arguments) {
  Plan plan;
  plan.cpu = CP_TRY(arguments.optional_number("cpu"));
  if (kind == "sysrq-c") {
    plan.file = "/proc/sysrq-trigger";
  } else {
    const std::string module = CP_TRY(arguments.text("module"));
    plan.params = CP_TRY(arguments.text_or("params", ""));
    plan.is_module = true;
    auto files = CP_TRY(module_files(module));
    if (files.empty()) return Error::guest(fmt::format("module {} is built into the kernel", module));
    plan.file = files.back();
    files.pop_back();
    for (const std::string& dependency : files) CP_TRY(load_module_file(dependency, ""));
  }
  CP_TRY(arguments.nothing_else());
  return plan;
}

/// A workload that should crash the kernel, after a module has set the trap.
Result<Answer> trigger_by_workload(Session& session, const boost::json::value& id, Arguments arguments) {
  const std::string module = CP_TRY(arguments.text_or("module", ""));
  const std::string params = CP_TRY(arguments.text_or("params", ""));
  const Workload workload = CP_TRY(parse_workload(CP_TRY(arguments.object("workload"))));
  CP_TRY(arguments.nothing_else());
  if (!module.empty()) CP_TRY(module_files(module));
  const auto set_trap = [module, params]() -> Result<> {
    if (module.empty()) return {};
    const auto loaded = load_module(module, params, IfLoaded::error);
    return loaded ? loaded : loaded.error().within("module refused");
  };
  auto task = std::make_shared<WorkloadTask>(CP_TRY(start_workload(workload, false, set_trap)));
  Answer answer;
  answer.afterwards = [&session, id, task]() -> Result<> {
    CP_TRY(begin(*task));
    session.watched.push_back({task->pid, id, "trigger workload", std::move(*task), true});
    return {};
  };
  return answer;
}

}  // namespace

Result<Answer> trigger(Session& session, const boost::json::value& id, Arguments arguments) {
  const std::string kind = CP_TRY(arguments.text("kind"));
  if (kind == "wait") {
    CP_TRY(arguments.nothing_else());
    return Answer{};
  }
  if (kind == "workload") return trigger_by_workload(session, id, std::move(arguments));
  const Plan plan = CP_TRY(make_plan(kind, arguments));
  auto child = std::make_shared<Child>(CP_TRY(start_child(plan)));
  Answer answer;
  // The agent does not wait for the child: it may hang in the kernel for ever, as some triggers want it to.
  answer.afterwards = [&session, id, kind, child]() -> Result<> {
    session.watched.push_back({child->pid, id, "trigger " + kind});
    return write_all(child->go.get(), "!", "to the trigger task");
  };
  return answer;
}

}  // namespace crashpath
