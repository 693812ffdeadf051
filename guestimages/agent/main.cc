// The guest agent: init of both kernels. docs/agent-protocol.md says what it does.

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <exception>
#include <optional>

#include "guestimages/agent/dispatch.h"
#include "guestimages/agent/init.h"
#include "guestimages/agent/port.h"
#include "guestimages/agent/script.h"
#include "guestimages/agent/shell.h"
#include "guestimages/agent/text.h"
#include "harness/agent/protocol.h"

namespace crashpath {
namespace {

constexpr std::size_t longest_console_line = 800;

bool is_capture_kernel() {
  return ::access("/proc/vmcore", F_OK) == 0;
}

/// How many plain kexecs came before this kernel: the agent of the kernel before leaves the number in the
/// initramfs.
int read_generation() {
  const auto text = read_file(agent_protocol::generation_file);
  return text ? std::atoi(text->c_str()) : 0;
}

void send_hello(Session& session, const std::vector<std::string>& problems) {
  utsname system{};
  ::uname(&system);
  const auto cmdline = read_file("/proc/cmdline");
  boost::json::object hello{{"protocol", agent_protocol::version},
                            {"release", system.release},
                            {"version", system.version},
                            {"machine", system.machine},
                            {"cmdline", cmdline ? to_utf8(trim_end(*cmdline)) : ""},
                            {"page_size", ::sysconf(_SC_PAGESIZE)},
                            {"generation", session.generation}};
  boost::json::array list;
  for (const std::string& problem : problems) list.emplace_back(to_utf8(problem));
  hello["problems"] = std::move(list);
  session.outbox.send("hello", hello);
}

/// A descriptor that is readable when a child has ended. SIGCHLD is blocked for good.
UniqueFd watch_children() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  return UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

void drain(const UniqueFd& signals) {
  signalfd_siginfo info;
  while (::read(signals.get(), &info, sizeof info) > 0) {
  }
}

/// Serves the host for ever.
[[noreturn]] void serve(Session& session, Port& port, const UniqueFd& children) {
  LineBuffer lines(agent_protocol::max_line);
  bool connected = true;
  const auto flush = [&port]() -> Result<> {
    if (const auto flushed = port.flush(); !flushed) give_up(flushed.error().message());
    return {};
  };
  for (;;) {
    // While nobody is connected the port is always readable, at its end: look again in a while.
    pollfd fds[] = {{children.get(), POLLIN, 0}, {connected ? port.fd() : -1, POLLIN, 0}};
    ::poll(fds, 2, connected ? -1 : 100);
    if (fds[0].revents != 0) drain(children);
    reap_children(session);
    if (connected && fds[1].revents == 0) continue;
    const auto received = port.receive(lines);
    if (!received) give_up(received.error().message());
    connected = *received;
    while (const auto line = lines.next()) handle_line(session, *line, flush);
  }
}

[[noreturn]] void serve_host(bool second, const std::vector<std::string>& problems,
                             const UniqueFd& children) {
  auto port = Port::open(agent_protocol::port_name);
  if (!port) {
    for (const std::string& problem : problems) say(problem);
    give_up_without_port(port.error().message());
  }
  Outbox outbox(second ? agent_protocol::second_kernel : agent_protocol::first_kernel,
                [&](std::string_view line) {
                  if (const auto sent = port->send(line); !sent) give_up(sent.error().message());
                });
  Session session{outbox, second, read_generation(), false, {}};
  send_hello(session, problems);
  serve(session, *port, children);
}

/// Runs the script; messages go to the console.
[[noreturn]] void replay(std::string_view script, bool second, const std::vector<std::string>& problems) {
  Outbox outbox(
      second ? agent_protocol::second_kernel : agent_protocol::first_kernel,
      [](std::string_view line) { say(fmt::format("replay: {}", line.substr(0, longest_console_line))); });
  Session session{outbox, second, read_generation(), true, {}};
  send_hello(session, problems);
  auto commands = script_commands(script, outbox.kernel(), session.generation);
  if (!commands) give_up("replay: " + commands.error().message());
  int id = 0;
  for (boost::json::object& command : *commands) {
    const std::string text = boost::json::serialize(command);
    say(fmt::format("replay: {}", text.substr(0, longest_console_line)));
    const bool is_trigger = command.contains("run") && command.at("run") == "trigger";
    command["id"] = ++id;  // messages of a replay are for people: count from 1
    if (!handle_command(session, std::move(command), [] { return Result<>(); }))
      give_up("replay: failed: " + text.substr(0, longest_console_line));
    // The crash comes when it comes; until then this kernel must stay.
    while (is_trigger) {
      ::poll(nullptr, 0, 1000);
      if (!reap_children(session)) give_up("replay: survived: " + text.substr(0, longest_console_line));
    }
  }
  say("replay: done");
  turn_off();
}

/// `crashpath shell` says so on the kernel's command line.
bool is_shell_wanted() {
  const auto cmdline = read_file("/proc/cmdline");
  return cmdline &&
         fmt::format(" {} ", trim_end(*cmdline)).find(fmt::format(" {} ", agent_protocol::shell_argument)) !=
             std::string::npos;
}

[[noreturn]] void run() {
  const auto problems = set_up_system();
  const bool second = is_capture_kernel();
  if (is_shell_wanted()) serve_shell(second, problems);
  const UniqueFd children = watch_children();
  if (const auto script = read_file(agent_protocol::script)) replay(*script, second, problems);
  serve_host(second, problems, children);
}

}  // namespace
}  // namespace crashpath

int main() {
  try {
    crashpath::run();
  } catch (const std::exception& problem) {
    crashpath::give_up(problem.what());
  }
}
