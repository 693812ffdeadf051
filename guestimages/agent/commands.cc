#include "guestimages/agent/commands.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/reboot.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "guestimages/agent/modules.h"
#include "guestimages/agent/program.h"
#include "guestimages/agent/text.h"
#include "guestimages/agent/vmcore.h"
#include "guestimages/agent/workload.h"
#include "harness/agent/protocol.h"
#include "harness/base/file.h"

namespace crashpath {
namespace {

/// One write(2), as files of /proc and /sys want it.
Result<> write_once(const std::string& path, std::string_view text) {
  const UniqueFd fd = CP_TRY(open_file(path, O_WRONLY));
  if (::write(fd.get(), text.data(), text.size()) >= 0) return {};
  return Error::guest(fmt::format("writing '{}' to {}: {}", trim_end(text), path, std::strerror(errno)));
}

Result<Answer> execute(Session&, const boost::json::value&, Arguments arguments) {
  const auto argv = CP_TRY(arguments.texts("argv"));
  const bool background = CP_TRY(arguments.flag_or("background", false));
  CP_TRY(arguments.nothing_else());
  Answer answer;
  if (background) {
    answer.data["pid"] = CP_TRY(start_program(argv));
    return answer;
  }
  auto ended = CP_TRY(run_program(argv, agent_protocol::max_output));
  answer.data = {{"exit_code", ended.exit_code}, {"output", std::move(ended.output)}};
  return answer;
}

Result<Answer> write_to_kernel(Session&, const boost::json::value&, Arguments arguments) {
  const std::string path = CP_TRY(arguments.text("path"));
  const std::string text = CP_TRY(arguments.text("text"));
  CP_TRY(arguments.nothing_else());
  if (!path.starts_with("/proc/") && !path.starts_with("/sys/"))
    return Error::guest(fmt::format("{} is not a file of /proc or /sys", path));
  CP_TRY(write_once(path, text));
  return Answer{};
}

Result<Answer> switch_cpu(Arguments& arguments, bool online) {
  const std::int64_t cpu = CP_TRY(arguments.number("cpu"));
  CP_TRY(arguments.nothing_else());
  CP_TRY(set_cpu_online(cpu, online));
  return Answer{};
}

Result<Answer> cpu_offline(Session&, const boost::json::value&, Arguments arguments) {
  return switch_cpu(arguments, false);
}
Result<Answer> cpu_online(Session&, const boost::json::value&, Arguments arguments) {
  return switch_cpu(arguments, true);
}

Result<Answer> module_load(Session&, const boost::json::value&, Arguments arguments) {
  const std::string name = CP_TRY(arguments.text("name"));
  const std::string params = CP_TRY(arguments.text_or("params", ""));
  CP_TRY(arguments.nothing_else());
  CP_TRY(load_module(name, params));
  return Answer{};
}

Result<Answer> work(Session& session, const boost::json::value& id, Arguments arguments) {
  const bool background = CP_TRY(arguments.flag_or("background", false));
  const Workload workload = CP_TRY(parse_workload(std::move(arguments)));
  std::vector<WorkloadTask> tasks;
  for (int i = 0; i < workload.tasks; ++i) tasks.push_back(CP_TRY(start_workload(workload, background)));
  for (const auto& task : tasks) CP_TRY(begin(task));
  Answer answer;
  answer.data["workload"] = workload.name;
  if (background) answer.data["pid"] = tasks.front().pid;
  for (auto& task : tasks) {
    if (background)
      session.watched.push_back({task.pid, id, "workload " + workload.name, std::move(task)});
    else
      CP_TRY(finish(std::move(task)));
  }
  if (!background) answer.data["done"] = workload.times * workload.tasks;
  return answer;
}

Result<Answer> sleep_for(Session&, const boost::json::value&, Arguments arguments) {
  constexpr std::int64_t longest_ms = 600'000;
  const std::int64_t ms = CP_TRY(arguments.number("ms"));
  CP_TRY(arguments.nothing_else());
  if (ms < 0 || ms > longest_ms) return Error::guest(fmt::format("'ms' must be 0 to {}", longest_ms));
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
  return Answer{};
}

Result<Answer> vmcore_headers(Session& session, const boost::json::value&, Arguments arguments) {
  CP_TRY(arguments.nothing_else());
  if (!session.second) return Error::guest("there is no /proc/vmcore: only the second kernel has one");
  const VmcoreHeaders headers = CP_TRY(read_vmcore_headers("/proc/vmcore"));
  Answer answer;
  answer.data = {{"hex", to_hex(headers.bytes)}, {"segments_at", headers.segments_at}};
  return answer;
}

Result<Answer> power_off(Session&, const boost::json::value&, Arguments arguments) {
  CP_TRY(arguments.nothing_else());
  Answer answer;
  answer.afterwards = []() -> Result<> {
    ::sync();
    ::reboot(RB_POWER_OFF);
    return Error::from_errno("cannot power off");
  };
  return answer;
}

using Command = Result<Answer> (*)(Session&, const boost::json::value& id, Arguments);
constexpr std::pair<std::string_view, Command> commands[] = {
    {"report", report},
    {"exec", execute},
    {"write", write_to_kernel},
    {"cpu.offline", cpu_offline},
    {"cpu.online", cpu_online},
    {"module.load", module_load},
    {"load.start", start_load},
    {"workload", work},
    {"sleep", sleep_for},
    {"cpuhp.states", list_cpuhp_states},
    {"functions.list", list_functions},
    {"functions.record", record_functions},
    {"kexec.load", load_kexec},
    {"kexec.exec", execute_kexec},
    {"trigger", trigger},
    {"capture", capture},
    {"vmcore.headers", vmcore_headers},
    {"power.off", power_off},
    {"wake", wake},
};

}  // namespace

Result<Answer> run_command(Session& session, const boost::json::value& id, boost::json::object command) {
  const auto* run = command.if_contains("run");
  if (run == nullptr || !run->is_string()) return Error::guest("a command needs a member 'run', a string");
  const std::string wanted(run->get_string());
  command.erase("run");
  for (const auto& [name, function] : commands)
    if (name == wanted) return function(session, id, Arguments(std::move(command)));
  return Error::guest(fmt::format("unknown command '{}'", wanted));
}

}  // namespace crashpath
