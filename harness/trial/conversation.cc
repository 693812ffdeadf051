#include "harness/trial/conversation.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/agent/protocol.h"
#include "harness/base/json_number.h"
#include "harness/console/phases.h"
#include "harness/trial/record_hang.h"

namespace crashpath {

namespace json = boost::json;

namespace {

double to_seconds(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string_view text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->as_string()) : std::string_view();
}

std::string agent_of(Kernel kernel) {
  return fmt::format("the {} kernel's agent", to_string(kernel));
}

bool has_id(const json::object& message, int id) {
  return number_member<int>(message, "id") == id;
}

}  // namespace

Conversation::Conversation(Machine& machine, Recorder& recorder, TrialObserver& observer,
                           const Architecture& architecture)
    : machine_(machine),
      recorder_(recorder),
      observer_(observer),
      architecture_(architecture),
      deadlines_(architecture.name) {}

void Conversation::enter(Stage stage) {
  recorder_.enter(stage);
  observer_.stage_entered(stage);
  if (stage >= Stage::handover) machine_.watch_for_spinning();
  restart_deadline();
}

void Conversation::restart_deadline() {
  waiting_since_ = Clock::now();
  budget_ = waking_ ? deadlines_.waking() : deadlines_.budget(recorder_.stage());
  deadline_ = waiting_since_ + budget_;
  starved_at_first_ = starved_before_ = machine_.starved();
  const Stage stage = recorder_.stage();
  const bool dies = stage >= Stage::crash && stage <= Stage::second_kernel;
  look_at_ = dies ? waiting_since_ + budget_ / 3 : Clock::time_point::max();
  first_look_.reset();
}

/// Nothing ends the wait for a lock in a kernel that dies: who held it was stopped. Where a CPU waits on, for
/// as long as hard lockup detectors grant, the rest of the deadline is nothing to wait for.
bool Conversation::is_deadlocked() {
  constexpr auto kLockup = std::chrono::seconds(10);
  auto hang = look_at_vcpus(machine_, architecture_);
  look_at_ = Clock::time_point::max();
  if (!hang) return false;
  const bool waits = std::any_of(hang->cpus.begin(), hang->cpus.end(),
                                 [](const HungCpu& cpu) { return cpu.waits_for.has_value(); });
  if (!waits) return false;
  const auto now = Clock::now();
  if (!first_look_ || !hang->still_waits(first_look_->hang))
    first_look_ = Look{*std::move(hang), now, machine_.starved()};
  else if (now - first_look_->at - (machine_.starved() - first_look_->starved) >= kLockup)
    return true;
  look_at_ = now + kLockup;
  return false;
}

/// A deadline is for the guest, so time in which the host gave it no CPU does not count. True when there is
/// some left.
bool Conversation::extend_for_starvation() {
  const Clock::duration starved = machine_.starved() - std::exchange(starved_before_, machine_.starved());
  const auto now = Clock::now();
  const Clock::duration more = extension(budget_, now - waiting_since_, starved);
  if (more > Clock::duration::zero()) deadline_ = now + more;
  return more > Clock::duration::zero();
}

Result<> Conversation::await_second_kernel() {
  while (kernel_ == Kernel::first) CP_TRY(take_next(agent_of(Kernel::second)));
  return {};
}

Result<> Conversation::await_hello(Kernel kernel) {
  if (kernel == Kernel::second && second_said_hello_) return {};
  for (;;) {
    CP_TRY(await(agent_of(kernel), "hello", std::nullopt));
    if (kernel_ == kernel) return {};
  }
}

Result<Conversation::Answer> Conversation::ask(std::string_view run, const json::object& arguments) {
  const int id = next_id_++;
  if (run == "trigger" || run == "workload") crash_depends_on_.insert(id);
  json::object command{{"id", id}, {"run", run}};
  for (const auto& [key, value] : arguments) command[key] = value;
  restart_deadline();
  CP_TRY(machine_.send_to_agent(json::serialize(command)));
  const bool report = run == "report";
  const json::object message =
      CP_TRY(await(fmt::format("the answer to {}", run), report ? "report" : "result", id));
  if (report) return Answer{.ok = true, .error = "", .data = message};
  Answer answer;
  const json::value* ok = message.if_contains("ok");
  answer.ok = ok != nullptr && ok->is_bool() && ok->as_bool();
  answer.error = text_of(message, "error");
  if (const json::value* data = message.if_contains("data"); data != nullptr && data->is_object())
    answer.data = data->as_object();
  return answer;
}

Result<Conversation::Answer> Conversation::wake(const json::object& arguments) {
  waking_ = true;
  auto answer = ask("wake", arguments);
  waking_ = !answer;
  return answer;
}

Result<json::object> Conversation::await(std::string_view what, std::string_view type,
                                         std::optional<int> id) {
  for (;;) {
    const auto message = CP_TRY(take_next(what));
    if (message && text_of(*message, "type") == type && (!id || has_id(*message, *id))) return *message;
  }
}

/// Records the next event, if there is one in time. A message of the agent comes back.
Result<std::optional<json::object>> Conversation::take_next(std::string_view what) {
  const bool looks = look_at_ < deadline_;
  const Event event = machine_.next_event(looks ? look_at_ : deadline_);
  if (recorder_.failure()) return *recorder_.failure();
  if (std::holds_alternative<DeadlinePassed>(event)) {
    is_overdue_ = looks ? is_deadlocked() : !extend_for_starvation();
    if (is_overdue_) return looks ? silent(what) : overdue(what);
  }
  auto message = CP_TRY(take(event));
  if (no_crash_) return *no_crash_;
  if (!damage_line_.empty()) return Error::guest(fmt::format("purgatory: {}", damage_line_));
  return message;
}

/// Records an event. A message of the agent comes back; what ends the guest is an error.
Result<std::optional<json::object>> Conversation::take(const Event& event) {
  if (const auto* line = std::get_if<ConsoleLine>(&event)) {
    take_console(*line);
  } else if (const auto* agent = std::get_if<AgentLine>(&event)) {
    return take_agent(*agent);
  } else if (const auto* hypervisor = std::get_if<HypervisorEvent>(&event)) {
    recorder_.hypervisor(hypervisor->name, hypervisor->data);
    if (hypervisor->name == "SHUTDOWN") shutdown_reason_ = text_of(hypervisor->data, "reason");
    if (hypervisor->name == "BLOCK_IO_ERROR")
      return Error::host(
                 fmt::format("the host could not write the dump: {}", text_of(hypervisor->data, "reason")))
          .with_hint("make room on the disk that holds the run's directory");
  } else if (const auto* exit = std::get_if<MachineExited>(&event)) {
    return exited(*exit);
  } else if (std::holds_alternative<Interrupted>(event)) {
    return Error::host("interrupted");
  }
  return std::optional<json::object>();
}

void Conversation::take_console(const ConsoleLine& line) {
  const auto phase = find_phase(line.text, architecture_);
  const Stage stage = recorder_.stage();
  if (phase == Phase::kernel_start && (stage == Stage::crash || stage == Stage::handover)) {
    if (stage == Stage::crash) enter(Stage::handover);
    kernel_ = Kernel::second;
    panic_line_.clear();
    enter(Stage::second_kernel);
  }
  recorder_.console(kernel_, line.text);
  observer_.console_line(line.text);
  if (!line.text.empty()) last_line_ = line.text;
  if (phase == Phase::panic && panic_line_.empty()) panic_line_ = line.text;
  if (phase == Phase::damaged) damage_line_ = line.text;
  note_last_words(line.text);
  if (stage == Stage::crash && (phase == Phase::panic || phase == Phase::crash_kexec)) enter(Stage::handover);
}

/// Those of an agent that turns the machine off because it cannot go on.
void Conversation::note_last_words(std::string_view line) {
  if (line.starts_with(agent_protocol::fatal))
    last_words_ = Error::host(fmt::format("the agent in the {} kernel failed: {}", to_string(kernel_),
                                          line.substr(agent_protocol::fatal.size())));
  if (line.starts_with(agent_protocol::no_port))
    last_words_ = Error::guest(fmt::format("the {} kernel gives the agent no port: {}", to_string(kernel_),
                                           line.substr(agent_protocol::no_port.size())));
}

std::optional<json::object> Conversation::take_agent(const AgentLine& line) {
  boost::system::error_code code;
  json::value value = json::parse(line.text, code);
  const bool message = !code && value.is_object();
  const Stage stage = recorder_.stage();
  if (message && text_of(value.as_object(), "type") == "hello" &&
      (stage == Stage::crash || stage == Stage::handover || stage == Stage::second_kernel)) {
    // A console may stay silent all the way: the agent is a witness of its own.
    if (stage == Stage::crash) enter(Stage::handover);
    if (stage != Stage::second_kernel) enter(Stage::second_kernel);
    kernel_ = Kernel::second;
    second_said_hello_ = true;
  }
  recorder_.agent(kernel_, line.text);
  if (!message) return std::nullopt;
  json::object& object = value.as_object();
  if (stage <= Stage::crash) note_no_crash(object);
  if (text_of(object, "type") == "progress") {
    restart_deadline();
    const auto done = number_member<std::uint64_t>(object, "done");
    const auto total = number_member<std::uint64_t>(object, "total");
    if (done && total) observer_.capture_progress(*done, *total);
  }
  return std::move(object);
}

/// Messages that come instead of a crash. Once a kernel has begun to die they say nothing any more.
void Conversation::note_no_crash(const json::object& message) {
  const std::string_view type = text_of(message, "type");
  if (type == "survived")
    no_crash_ = Error(Fault::lacks, fmt::format("the kernel lives: {}", text_of(message, "words")));
  // What keeps the guest busy may end (the OOM killer takes it), but not what the crash depends on.
  const auto id = number_member<int>(message, "id");
  if (type == "failed" && id && crash_depends_on_.contains(*id))
    no_crash_ = Error::host(fmt::format("{}", text_of(message, "error")));
}

Error Conversation::exited(const MachineExited& exit) const {
  if (!exit.words.empty()) return Error::host(exit.words);
  if (!panic_line_.empty() && shutdown_reason_.starts_with("guest"))
    return Error::guest(
        fmt::format("the {} kernel panicked and started no other: {}", to_string(kernel_), panic_line_));
  if (last_words_ && shutdown_reason_.starts_with("guest")) return *last_words_;
  if (shutdown_reason_.starts_with("guest"))
    return Error::guest(fmt::format("the {} kernel ended the machine ({}); last console line: {}",
                                    to_string(kernel_), shutdown_reason_, last_line_));
  if (exit.signal) return Error::host(fmt::format("QEMU was killed by signal {}", *exit.signal));
  return Error::host(fmt::format("QEMU ended with status {}", exit.exit_code)).with_hint("read qemu.log");
}

void Conversation::listen(Clock::duration time) {
  const auto until = Clock::now() + time;
  for (;;) {
    const Event event = machine_.next_event(until);
    if (std::holds_alternative<DeadlinePassed>(event) || !take(event)) return;
  }
}

Error Conversation::overdue(std::string_view what) {
  const double waited = to_seconds(Clock::now() - waiting_since_);
  if (waking_)
    return Error::host(fmt::format("the fork did not wake in {:.0f} s, for which it had {:.0f} s", waited,
                                   to_seconds(deadlines_.waking())))
        .with_hint("with --cold its guest boots instead");
  const Clock::duration starved = machine_.starved() - starved_at_first_;
  if (had_no_chance(budget_, Clock::now() - waiting_since_, starved) && starved > Clock::duration::zero())
    return Error::host(
               fmt::format("no sign of {} in {:.0f} s, in {:.0f} s of which the host gave the guest no CPU",
                           what, waited, to_seconds(starved)))
        .with_hint("let fewer guests or other programs run at a time");
  return silent(what);
}

Error Conversation::silent(std::string_view what) const {
  std::string words =
      fmt::format("no sign of {} in {:.0f} s", what, to_seconds(Clock::now() - waiting_since_));
  if (!panic_line_.empty()) words += fmt::format("; panic: {}", panic_line_);
  if (last_line_ != panic_line_) words += fmt::format("; last console line: {}", last_line_);
  return Error::guest(std::move(words));
}

}  // namespace crashpath
