#include "harness/process/child.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/wait.h>

#include <mutex>

#include "harness/base/file.h"
#include "harness/process/child_setup.h"
#include "harness/process/command.h"

extern char** environ;

namespace crashpath {
namespace {

namespace process = boost::process::v2;

ChildExit to_exit(int status) {
  if (WIFSIGNALED(status)) return {.exit_code = 0, .signal = WTERMSIG(status)};
  return {.exit_code = WEXITSTATUS(status)};
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& additions) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!additions.contains(std::string(text.substr(0, text.find('='))))) merged.emplace_back(text);
  }
  for (const auto& [name, value] : additions) merged.push_back(name + "=" + value);
  return merged;
}

Result<std::filesystem::path> executable_of(const ChildOptions& options) {
  const std::string& name = options.argv.front();
  if (name.find('/') != std::string::npos) return std::filesystem::path(name);
  std::filesystem::path found = find_program(name);
  if (found.empty())
    return Error::host(fmt::format("no program {} in PATH", name))
        .with_hint("install the package that has it");
  return found;
}

Result<process::process> launch(boost::asio::io_context& io, const ChildOptions& options) {
  const std::filesystem::path executable = CP_TRY(executable_of(options));
  UniqueFd null;
  if (options.in < 0 || options.out < 0 || options.err < 0) null = CP_TRY(open_file("/dev/null", O_RDWR));
  const auto or_null = [&](int fd) { return fd < 0 ? null.get() : fd; };

  const std::vector<std::string> environment = merged_environment(options.environment);
  std::vector<const char*> environment_pointers;
  for (const auto& entry : environment) environment_pointers.push_back(entry.c_str());
  environment_pointers.push_back(nullptr);
  std::vector<std::string> arguments(options.argv.begin() + 1, options.argv.end());

  // Boost's launcher makes a pipe and sets O_CLOEXEC on it in two steps. A child forked by another thread in
  // between would hold its end open, and the launch would not return before that child ends.
  static std::mutex one_launch_at_a_time;
  const std::lock_guard lock(one_launch_at_a_time);
  ChildSetup setup(options, or_null(options.in), or_null(options.out), or_null(options.err),
                   environment_pointers);
  ChildSetup::Launcher launcher;
  boost::system::error_code code;
  process::process started = launcher(io.get_executor(), code, executable, arguments, setup);
  if (code) {
    // The launcher leaves a child that could not become the program to be collected by us.
    if (launcher.pid > 0) ::waitpid(launcher.pid, nullptr, 0);
    return Error::host(fmt::format("cannot start {}: {}", executable.native(), code.message()));
  }
  return started;
}

}  // namespace

struct Child::State {
  explicit State(process::process started) : handle(std::move(started)), pid(handle.id()) {}

  /// The pid may belong to somebody else from here on: nothing is to use it any more.
  void record(int status) {
    exit = to_exit(status);
    handle.detach();
  }

  process::process handle;
  pid_t pid;
  std::optional<ChildExit> exit;
  std::function<void(ChildExit)> on_exit;
};

Result<Child> Child::start(boost::asio::io_context& io, const ChildOptions& options,
                           std::function<void(ChildExit)> on_exit) {
  auto state = std::make_shared<State>(CP_TRY(launch(io, options)));
  state->on_exit = std::move(on_exit);
  state->handle.async_wait([state](const boost::system::error_code& code, int) {
    if (code || state->exit) return;  // end() was first
    state->record(state->handle.native_exit_code());
    if (state->on_exit) state->on_exit(*state->exit);
  });
  return Child(std::move(state));
}

Child::Child(std::shared_ptr<State> state) : state_(std::move(state)) {}
Child::Child(Child&&) noexcept = default;
Child& Child::operator=(Child&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
Child::~Child() {
  if (state_) end();
}

pid_t Child::pid() const {
  return state_->pid;
}
std::optional<ChildExit> Child::exit() const {
  return state_->exit;
}

void Child::kill() {
  if (!state_->exit) ::kill(-state_->pid, SIGKILL);
}

ChildExit Child::end() {
  if (!state_->exit) {
    kill();
    boost::system::error_code code;
    state_->handle.wait(code);
    state_->record(state_->handle.native_exit_code());
    state_->on_exit = nullptr;
  }
  return *state_->exit;
}

std::optional<ChildUser> find_nobody() {
  passwd entry{};
  passwd* found = nullptr;
  char buffer[4096];
  if (::getpwnam_r("nobody", &entry, buffer, sizeof buffer, &found) != 0 || found == nullptr)
    return std::nullopt;
  return ChildUser{entry.pw_uid, entry.pw_gid};
}

}  // namespace crashpath
