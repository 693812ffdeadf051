#include "harness/machine/qemu/qemu_machine.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <charconv>

#include "harness/base/file.h"
#include "harness/machine/qemu/monitor_text.h"

namespace crashpath {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

/// For QEMU itself, whose main loop answers in milliseconds unless the host is in trouble. Not scaled by how
/// fast the guest is: no guest code runs in it.
constexpr auto kAnswerTime = 60s;
/// Then QEMU is killed.
constexpr auto kQuitTime = 2s;

/// Between two looks at vCPUs that may spin.
constexpr auto kLookTime = 150ms;

std::string last_lines_of(const std::filesystem::path& file) {
  const auto text = file.empty() ? Result<std::string>(std::string()) : read_file(file);
  if (!text) return {};
  return text->size() > 1000 ? "..." + text->substr(text->size() - 1000) : *text;
}

}  // namespace

QemuMachine::QemuMachine(MachineConfig config) : config_(std::move(config)) {}
QemuMachine::~QemuMachine() {
  stop();
}

Result<> QemuMachine::start() {
  if (child_ || stopped_) return Error::host("this machine was started before");
  CP_TRY(run_qemu());
  const auto greeted = greet();
  if (!greeted) {
    Error error = died_at_start(greeted.error());
    stop();
    return error;
  }
  return {};
}

Result<> QemuMachine::run_qemu() {
  ram_ = config_.fork_of ? CP_TRY(make_forked_ram(config_.fork_of->ram))
                         : CP_TRY(make_shared_ram(static_cast<std::uint64_t>(config_.memory_mib) << 20));
  QemuLaunch launch = CP_TRY(prepare_qemu(config_, *ram_));
  auto child = start_child(launch);
  if (!child) return std::move(child).error();
  child_.emplace(std::move(*child));
  description_ = std::move(launch.description);
  description_["pid"] = child_->pid();
  CP_TRY(connect(launch));
  device_state_ = std::move(launch.device_state);
  return {};
}

/// As the unprivileged user when that works: a QEMU in somebody's home directory cannot be started by nobody.
Result<Child> QemuMachine::start_child(QemuLaunch& launch) {
  const auto on_exit = [this](ChildExit) { announce_exit(); };
  auto child = Child::start(io_, launch.child, on_exit);
  if (child || !launch.child.user) return child;
  launch.child.user.reset();
  launch.description.erase("user");
  return Child::start(io_, launch.child, on_exit);
}

Result<> QemuMachine::connect(QemuLaunch& launch) {
  const auto on_end = [this] { channel_ended(); };
  console_ = std::make_unique<Channel>(
      io_, std::move(launch.console.ours),
      Channel::Handler{[this](std::string_view bytes) { take_lines(console_lines_, bytes, false); }, on_end});
  agent_ = std::make_unique<Channel>(
      io_, std::move(launch.agent.ours),
      Channel::Handler{[this](std::string_view bytes) { take_lines(agent_lines_, bytes, true); }, on_end});
  qmp_ = std::make_unique<Qmp>(
      io_, std::move(launch.monitor.ours),
      Qmp::Handler{.on_event = [this](HypervisorEvent event) { take_event(std::move(event)); },
                   .on_line = config_.on_monitor_line,
                   .on_end = on_end});
  log_files_.emplace(CP_TRY(BoundedLog::create(config_.log)),
                     CP_TRY(BoundedLog::create(config_.trace_events.empty() ? "" : config_.trace_log)));
  log_ = std::make_unique<Channel>(
      io_, std::move(launch.log.ours),
      Channel::Handler{[this](std::string_view bytes) { log_files_->take(bytes); }, on_end});
  open_channels_ = 4;
  return {};
}

/// QEMU was started with its CPUs stopped, so that nothing of the guest is missed.
Result<> QemuMachine::greet() {
  CP_TRY(qmp_->negotiate(Clock::now() + kAnswerTime));
  const json::value version = CP_TRY(command("query-version"));
  if (version.is_object()) description_["version"] = version;
  const json::value cpus = CP_TRY(command("query-cpus-fast"));
  if (!cpus.is_array()) return Error::host("QMP query-cpus-fast: no list");
  std::vector<pid_t> threads;
  for (const auto& cpu : cpus.as_array()) {
    const json::value* thread = cpu.is_object() ? cpu.as_object().if_contains("thread-id") : nullptr;
    if (thread != nullptr && thread->is_int64()) threads.push_back(static_cast<pid_t>(thread->as_int64()));
  }
  vcpu_threads_ = VcpuThreads(child_->pid(), threads);
  // Of an event that it does not have QEMU only says so in its log, and goes on.
  for (const auto& event : config_.trace_events) CP_TRY(command("trace-event-get-state", {{"name", event}}));
  if (config_.fork_of) CP_TRY(become_fork());
  return config_.pause_at_start ? Result<>() : resume();
}

void QemuMachine::take_event(HypervisorEvent event) {
  if (event.name != "MIGRATION") {
    queue_.emplace_back(std::move(event));
    return;
  }
  // Ours, not the guest's: only save_device_state() and forks cause it.
  const json::value* status = event.data.if_contains("status");
  if (status != nullptr && status->is_string()) migration_status_ = status->get_string();
}

/// RAM stays where it is: a stream holds the devices' state alone (QEMU docs/devel/migration.rst).
Result<> QemuMachine::prepare_migration() {
  migration_status_.clear();
  if (std::exchange(migration_prepared_, true)) return {};
  const auto on = [](std::string_view name) { return json::object{{"capability", name}, {"state", true}}; };
  CP_TRY(command("migrate-set-capabilities", {{"capabilities", {on("x-ignore-shared"), on("events")}}}));
  CP_TRY(command("migrate-set-parameters", {{"max-bandwidth", std::int64_t{1} << 40}}));
  return {};
}

Result<> QemuMachine::await_migration() {
  const auto deadline = Clock::now() + kAnswerTime;
  while (migration_status_ != "completed") {
    if (migration_status_ == "failed")
      return Error::host("QEMU failed to save or load the state of its devices").with_hint("read qemu.log");
    if (!qmp_->is_open() || Clock::now() >= deadline)
      return Error::host("QEMU did not finish saving or loading the state of its devices");
    io_.run_one_until(deadline);
  }
  return {};
}

Result<> QemuMachine::become_fork() {
  CP_TRY(prepare_migration());
  CP_TRY(command("migrate-incoming", {{"uri", fmt::format("fd:{}", device_state_.get())}}));
  CP_TRY(await_migration());
  device_state_.reset();
  return {};
}

Result<> QemuMachine::save_device_state(const std::filesystem::path& file) {
  if (!qmp_ || stopped_) return Error::host("the machine does not run");
  const UniqueFd fd = CP_TRY(open_file(file, O_RDWR | O_CREAT | O_TRUNC));
  CP_TRY(prepare_migration());
  CP_TRY(qmp_->give_descriptor("device-state", fd.get(), Clock::now() + kAnswerTime));
  CP_TRY(command("migrate", {{"uri", "fd:device-state"}}));
  CP_TRY(await_migration());
  return await_finished_save();
}

/// Behind the event that tells a migration completed, QEMU refuses to let the guest go on for a moment, and
/// no event tells the end of that (migration/migration.c migration_iteration_finish, softmmu/runstate.c).
Result<> QemuMachine::await_finished_save() {
  const auto deadline = Clock::now() + kAnswerTime;
  while (Clock::now() < deadline) {
    const json::value answer = CP_TRY(command("query-status"));
    const json::value* status = answer.is_object() ? answer.as_object().if_contains("status") : nullptr;
    if (status == nullptr || !status->is_string()) return Error::host("QMP query-status: no status");
    if (status->as_string() != "finish-migrate") return {};
  }
  return Error::host("QEMU did not finish saving the state of its devices");
}

/// What QEMU itself said about why it does not run is worth more than that it does not answer.
Error QemuMachine::died_at_start(const Error& error) {
  if (!qmp_->is_open()) run_until_exit(Clock::now() + kQuitTime);  // that follows the end of its monitor
  if (!child_->exit()) return error;
  const std::string said = last_lines_of(config_.log);
  return Error::host(fmt::format("QEMU ended at its start with status {}: {}", child_->exit()->status(),
                                 said.empty() ? "it said nothing" : said))
      .with_hint(config_.log.empty() ? "" : fmt::format("its whole output is in {}", config_.log.native()));
}

void QemuMachine::take_lines(LineSplitter& splitter, std::string_view bytes, bool agent) {
  for (auto& line : splitter.feed(bytes)) {
    if (agent)
      queue_.emplace_back(AgentLine{std::move(line)});
    else
      queue_.emplace_back(ConsoleLine{std::move(line), true});
  }
}

void QemuMachine::channel_ended() {
  --open_channels_;
  announce_exit();
}

/// Once, when QEMU's exit is known and everything that it left in the channels was read.
void QemuMachine::announce_exit() {
  if (open_channels_ > 0 || !child_ || !child_->exit()) return;
  if (auto partial = console_lines_.take_partial())
    queue_.emplace_back(ConsoleLine{std::move(*partial), false});
  queue_.emplace_back(MachineExited{child_->exit()->exit_code, child_->exit()->signal});
}

Event QemuMachine::next_event(Clock::time_point deadline) {
  for (;;) {
    if (interrupted_.exchange(false)) return Interrupted{};
    if (!queue_.empty()) {
      Event event = std::move(queue_.front());
      queue_.pop_front();
      return event;
    }
    const bool looks = look_at_ && *look_at_ < deadline && !child_->exit();
    if (looks && Clock::now() >= *look_at_) {
      look_at_vcpus();
    } else if (Clock::now() < deadline) {
      io_.run_one_until(looks ? *look_at_ : deadline);
    } else if (auto event = late_event(deadline)) {
      return std::move(*event);
    }
  }
}

/// Behind its deadline: what came in time, while we had no CPU, is looked for once. Not again and again, or a
/// guest that never stops printing would have no deadline. Nothing: look at the queue again.
std::optional<Event> QemuMachine::late_event(Clock::time_point deadline) {
  if (polled_for_ != deadline) {
    polled_for_ = deadline;
    for (int i = 0; i < 16; ++i) io_.poll_one();
    if (!queue_.empty()) return std::nullopt;
  }
  if (auto partial = console_lines_.take_partial()) return ConsoleLine{std::move(*partial), false};
  return DeadlinePassed{};
}

void QemuMachine::run_until_exit(Clock::time_point deadline) {
  while ((!child_->exit() || open_channels_ > 0) && Clock::now() < deadline) io_.run_one_until(deadline);
}

Result<json::value> QemuMachine::command(std::string_view name, const json::object& arguments) {
  if (!qmp_ || stopped_) return Error::host(fmt::format("QMP {}: the machine does not run", name));
  return qmp_->execute(name, arguments, Clock::now() + kAnswerTime);
}

Result<> QemuMachine::send_to_agent(std::string_view line) {
  if (!agent_ || stopped_) return Error::host("the machine does not run");
  return agent_->send(std::string(line) + "\n");
}

Result<> QemuMachine::inject_nmi() {
  if (!config_.architecture->has_nmi)
    return Error::guest(fmt::format("a {} machine has no NMI", config_.architecture->name));
  CP_TRY(command("inject-nmi"));
  return {};
}

Result<> QemuMachine::pause() {
  CP_TRY(command("stop"));
  return {};
}

Result<> QemuMachine::resume() {
  CP_TRY(command("cont"));
  return {};
}

Result<GuestMemory> QemuMachine::memory() {
  if (!ram_ || !child_) return Error::host("the machine has no memory: it was not started");
  GuestMemory memory = CP_TRY(ram_->view(child_->pid()));
  memory.base = config_.architecture->ram_base;
  return memory;
}

Result<std::vector<VcpuRegisters>> QemuMachine::vcpu_registers() {
  return parse_registers(CP_TRY(human_command("info registers -a", 0)));
}

Result<std::string> QemuMachine::read_virtual(int cpu, std::uint64_t address, std::size_t bytes) {
  if (bytes > 4096) return Error::host("more than 4 KiB of virtual memory at a time");
  return parse_memory_dump(CP_TRY(human_command(fmt::format("x /{}xb {:#x}", bytes, address), cpu)), bytes);
}

/// Seen with QEMU 7.2: of a pseries guest saved while a halted vCPU had one (XIVE: NSR 80), a fork sleeps
/// until another interrupt happens to come for that vCPU.
Result<bool> QemuMachine::has_pending_interrupt() {
  return crashpath::has_pending_interrupt(CP_TRY(human_command("info pic", 0)));
}

/// A command of the human monitor, and what it prints.
Result<std::string> QemuMachine::human_command(std::string_view line, int cpu) {
  const json::value answer =
      CP_TRY(command("human-monitor-command", {{"command-line", line}, {"cpu-index", cpu}}));
  if (!answer.is_string()) return Error::host(fmt::format("QMP human-monitor-command: {}: no text", line));
  return std::string(answer.get_string());
}

Result<> QemuMachine::write_memory(std::uint64_t address, std::span<const std::byte> bytes) {
  if (!ram_ || !child_) return Error::host("the machine has no memory: it was not started");
  const std::uint64_t size = static_cast<std::uint64_t>(config_.memory_mib) << 20;
  const std::uint64_t offset = address - config_.architecture->ram_base;
  if (address < config_.architecture->ram_base || offset > size || bytes.size() > size - offset)
    return Error::host(
        fmt::format("{:#x} and the {} bytes from there are not in the guest's RAM", address, bytes.size()));
  return ram_->write(child_->pid(), offset, bytes);
}

Clock::duration QemuMachine::starved() const {
  return vcpu_threads_.starved();
}

void QemuMachine::watch_for_spinning() {
  if (!look_at_) look_at_ = Clock::now();
}

/// A monitor that does not answer is for the next command to tell.
void QemuMachine::look_at_vcpus() {
  const auto registers = vcpu_registers();
  if (registers) vcpu_threads_.take_look(*registers, Clock::now());
  look_at_ = Clock::now() + kLookTime;
}

void QemuMachine::stop() {
  if (std::exchange(stopped_, true) || !child_) return;
  // A QEMU that quits by itself finishes the disk writes that the guest was told are done.
  const auto deadline = Clock::now() + kQuitTime;
  const bool quits = qmp_->execute("quit", {}, deadline).has_value();
  if (quits) run_until_exit(deadline);
  child_->end();
  console_->close();
  agent_->close();
  log_->close();
  log_files_->end();
  qmp_.reset();
  queue_.clear();
}

void QemuMachine::interrupt() {
  interrupted_ = true;
  boost::asio::post(io_, [] {});  // wakes next_event
}

Result<std::string> QemuMachine::identity() const {
  return qemu_identity(config_);
}

json::object QemuMachine::describe() const {
  return description_;
}

}  // namespace crashpath
