#include "guestimages/agent/workload.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "guestimages/agent/program.h"
#include "guestimages/agent/task.h"
#include "guestimages/agent/text.h"

namespace crashpath {
namespace {

/// Reading it calls RTAS' get-time-of-day (arch/powerpc/kernel/rtas-proc.c ppc_rtas_clock_show): a call
/// through rtas_call(), with its lock, that changes nothing.
constexpr const char* rtas_clock = "/proc/powerpc/rtas/clock";

/// System parameters of the firmware. Each read takes an RTAS work area of 4 KiB and calls
/// ibm,get-system-parameter (arch/powerpc/platforms/pseries/papr-sysparm.c, from Linux 6.8 on).
constexpr const char* sysparm_device = "/dev/papr-sysparm";
/// Reading it asks for a system parameter, too: in a work area from 6.3 on, before in rtas_data_buf, under
/// its spinlock (arch/powerpc/platforms/pseries/lparcfg.c).
constexpr const char* lparcfg = "/proc/powerpc/lparcfg";

std::string online_file(std::int64_t cpu) {
  return fmt::format("/sys/devices/system/cpu/cpu{}/online", cpu);
}

Result<> cycle_cpu(const Workload& workload) {
  CP_TRY(set_cpu_online(*workload.cpu, false));
  return set_cpu_online(*workload.cpu, true);
}

Result<> call_rtas(const Workload&) {
  CP_TRY(read_file(rtas_clock));
  return {};
}

/// struct papr_sysparm_io_block and PAPR_SYSPARM_IOC_GET of arch/powerpc/include/uapi/asm/papr-sysparm.h,
/// which the build's own kernel headers are too old for.
struct SysparmBlock {
  std::uint32_t parameter;
  std::uint16_t length;
  std::uint8_t data[4000];
};
constexpr unsigned long get_sysparm = _IOWR(0xb2, 1, SysparmBlock);
constexpr std::uint32_t splpar_characteristics = 20;

Result<> read_sysparm(const Workload&) {
  const UniqueFd device = CP_TRY(open_file(sysparm_device, O_RDWR));
  SysparmBlock block{};
  block.parameter = splpar_characteristics;
  if (::ioctl(device.get(), get_sysparm, &block) != 0)
    return Error::guest(fmt::format("reading system parameter {} from {}: {}", block.parameter,
                                    sysparm_device, std::strerror(errno)));
  if (block.length == 0 || block.length > sizeof block.data)
    return Error::guest(
        fmt::format("system parameter {} is said to have {} bytes", block.parameter, block.length));
  return {};
}

Result<> read_lparcfg(const Workload&) {
  CP_TRY(read_file(lparcfg));
  return {};
}

Result<> take_memory(const Workload& workload) {
  const std::size_t bytes = static_cast<std::size_t>(workload.memory_mib) << 20;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return Error::from_errno(fmt::format("cannot take {} MiB", workload.memory_mib));
  write_to_all_pages(memory, bytes, 1);
  ::munmap(memory, bytes);
  return {};
}

Result<> can_cycle_cpu(const Workload& workload) {
  if (!workload.cpu) return Error::guest("argument 'cpu' is missing");
  if (::access(online_file(*workload.cpu).c_str(), W_OK) != 0)
    return Error::guest(fmt::format("CPU {} cannot be taken offline: there is no {}", *workload.cpu,
                                    online_file(*workload.cpu)));
  return {};
}

Result<> can_call_rtas(const Workload&) {
  if (::access(rtas_clock, R_OK) == 0) return {};
  return Error::guest(fmt::format("this guest has no RTAS that can be called: there is no {}", rtas_clock));
}

Result<> can_read_sysparm(const Workload&) {
  if (::access(sysparm_device, R_OK) == 0) return {};
  return Error::guest(fmt::format("this kernel gives no system parameters: there is no {}", sysparm_device));
}

Result<> can_read_lparcfg(const Workload&) {
  if (::access(lparcfg, R_OK) == 0) return {};
  return Error::guest(fmt::format("this guest has no {}", lparcfg));
}

Result<> can_take_memory(const Workload&) {
  return {};
}

struct Kind {
  std::string_view name;
  Result<> (*is_possible)(const Workload&);
  Result<> (*run_once)(const Workload&);
  bool cpu_is_bound;  ///< it runs on its `cpu`
};
constexpr Kind kinds[] = {{"cpuhp", can_cycle_cpu, cycle_cpu, false},
                          {"rtas", can_call_rtas, call_rtas, true},
                          {"sysparm", can_read_sysparm, read_sysparm, true},
                          {"lparcfg", can_read_lparcfg, read_lparcfg, true},
                          {"memory", can_take_memory, take_memory, true}};

const Kind* find_kind(std::string_view name) {
  for (const Kind& kind : kinds)
    if (kind.name == name) return &kind;
  return nullptr;
}

Result<std::int64_t> number_between(Arguments& description, std::string_view name, std::int64_t least,
                                    std::int64_t most, std::int64_t otherwise) {
  const auto number = CP_TRY(description.optional_number(name));
  if (number && (*number < least || *number > most))
    return Error::guest(fmt::format("'{}' must be {} to {}", name, least, most));
  return number.value_or(otherwise);
}

/// Binds this process to a CPU. The call returns once it runs there.
Result<> go_to_cpu(std::int64_t cpu) {
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(static_cast<std::size_t>(cpu), &only);
  if (::sched_setaffinity(0, sizeof only, &only) == 0) return {};
  return Error::guest(fmt::format("cannot run on CPU {}: {}", cpu, std::strerror(errno)));
}

Result<> do_workload(const Workload& workload, bool endless, const std::function<Result<>()>& before) {
  const Kind& kind = *find_kind(workload.name);
  if (workload.cpu && kind.cpu_is_bound) CP_TRY(go_to_cpu(*workload.cpu));
  if (before) CP_TRY(before());
  for (std::int64_t i = 0; endless || i < workload.times; ++i) CP_TRY(kind.run_once(workload));
  return {};
}

}  // namespace

Result<> set_cpu_online(std::int64_t cpu, bool online) {
  const std::string path = online_file(cpu);
  const std::string_view state = online ? "1" : "0";
  const UniqueFd fd = CP_TRY(open_file(path, O_WRONLY));
  if (::write(fd.get(), state.data(), state.size()) < 0)
    return Error::guest(fmt::format("writing '{}' to {}: {}", state, path, std::strerror(errno)));
  const std::string now = CP_TRY(read_file(path));
  if (trim_end(now) != state) return Error::guest(fmt::format("{} still says {}", path, trim_end(now)));
  return {};
}

void write_to_all_pages(void* memory, std::size_t bytes, unsigned long value) {
  auto* words = static_cast<volatile unsigned long*>(memory);
  for (std::size_t i = 0; i < bytes / sizeof *words; i += 64) words[i] = value + i;
}

Result<Workload> parse_workload(Arguments description) {
  constexpr std::int64_t most_times = 1'000'000;
  constexpr std::int64_t most_memory_mib = 1024 * 1024;
  constexpr std::int64_t default_memory_mib = 32;
  constexpr std::int64_t most_tasks = 256;
  Workload workload;
  workload.name = CP_TRY(description.text("name"));
  const Kind* kind = find_kind(workload.name);
  if (kind == nullptr) return Error::guest(fmt::format("unknown workload '{}'", workload.name));
  if (const auto cpu = CP_TRY(number_between(description, "cpu", 0, CPU_SETSIZE - 1, -1)); cpu >= 0)
    workload.cpu = static_cast<int>(cpu);
  workload.times = CP_TRY(number_between(description, "times", 1, most_times, 1));
  workload.tasks = static_cast<int>(CP_TRY(number_between(description, "tasks", 1, most_tasks, 1)));
  if (workload.name == "memory")
    workload.memory_mib =
        CP_TRY(number_between(description, "memory_mib", 1, most_memory_mib, default_memory_mib));
  CP_TRY(description.nothing_else());
  CP_TRY(kind->is_possible(workload));
  return workload;
}

Result<WorkloadTask> start_workload(const Workload& workload, bool endless,
                                    const std::function<Result<>()>& before) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return Error::from_errno("cannot make a socket pair");
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const auto life = [&] {
    char go = '!';
    if (::write(theirs.get(), &go, 1) != 1) return errno;  // ready
    if (::read(theirs.get(), &go, 1) != 1) return 0;       // the agent gave up
    const auto done = do_workload(workload, endless, before);
    if (done) return 0;
    const std::string words = done.error().message();
    return ::write(theirs.get(), words.data(), words.size()) < 0 ? errno : 1;
  };
  const pid_t pid = CP_TRY(start_task("crash-workload", theirs.get(), life));
  theirs.reset();
  // Only then has it closed what it inherited: the port cannot be opened again while somebody has it open.
  char ready = 0;
  if (::read(ours.get(), &ready, 1) != 1)
    return Error::guest("the task that was to do the workload has died");
  return WorkloadTask{pid, std::move(ours)};
}

Result<> begin(const WorkloadTask& task) {
  return write_all(task.line.get(), "!", "to the workload's task");
}

Result<> result_of(const WorkloadTask& task, int wait_status) {
  if (WIFSIGNALED(wait_status))
    return Error::guest(fmt::format("the workload's task was killed by signal {}", WTERMSIG(wait_status)));
  if (WEXITSTATUS(wait_status) == 0) return {};
  char words[1024];
  const ssize_t n = ::read(task.line.get(), words, sizeof words);
  return Error::guest(n > 0 ? std::string(words, static_cast<std::size_t>(n))
                            : fmt::format("the workload's task ended with {}", WEXITSTATUS(wait_status)));
}

Result<> finish(WorkloadTask task) {
  int status = 0;
  while (::waitpid(task.pid, &status, 0) < 0)
    if (errno != EINTR) return Error::from_errno("cannot wait for the workload's task");
  return result_of(task, status);
}

}  // namespace crashpath
