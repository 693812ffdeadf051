#include "harness/trial/runner.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <random>

#include "harness/base/json_number.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/extract.h"
#include "harness/trial/conversation.h"
#include "harness/trial/record_hang.h"
#include "harness/trial/record_moment.h"
#include "harness/trial/script.h"
#include "harness/trial/template.h"

namespace crashpath {

namespace json = boost::json;

namespace {

/// How long a guest that hangs runs between two looks at what its vCPUs do.
constexpr int kForks = 3;  ///< so often a fork is made that does not wake
constexpr auto kBetweenSamples = std::chrono::milliseconds(100);

json::object describe_trial(const PlannedTrial& trial, const Template* fork_of) {
  const Scenario& scenario = *trial.scenario;
  json::object about = identity_to_json(trial);
  about["schema"] = 1;
  about["scenario_text"] = scenario.text;
  about["scenario_file"] = scenario.file.filename().native();
  about["append"] = trial.machine.append;
  about["seed"] = trial.seed ? json::value(*trial.seed) : json::value(nullptr);
  about["start"] = fork_of == nullptr ? "cold" : "fork";
  if (fork_of != nullptr) about["template"] = fork_of->key;
  about["capture"] = json::object{{"format", scenario.capture.format},
                                  {"level", scenario.capture.level},
                                  {"integrity_check", scenario.capture.integrity_check},
                                  {"append", capture_command_line(trial)}};
  about["provenance"] = trial.image->provenance;
  if (scenario.trigger) {
    about["trigger"] = json::object{{"kind", scenario.trigger->kind}};
    if (scenario.trigger->cpu) about["trigger"].as_object()["cpu"] = *scenario.trigger->cpu;
  }
  return about;
}

/// Cuts the disk to the dump's length and gives it the name of its format.
Result<> keep_dump(const std::filesystem::path& directory, const json::object& captured) {
  const json::value* format = captured.if_contains("format");
  const auto length = number_member<std::uint64_t>(captured, "bytes");
  if (!length) return Error::host("the agent gave no length of the dump");
  std::error_code code;
  const auto disk = directory / evidence_file::kCaptureDisk;
  const auto size = std::filesystem::file_size(disk, code);
  if (code)
    return Error::host(
               fmt::format("the machine did not give its disk with the dump back: {}", code.message()))
        .with_hint("its host may be lost; read qemu.log");
  if (*length > size)
    return Error::host(
        fmt::format("the agent says that the dump has {} bytes, and its disk has {}", *length, size));
  std::filesystem::resize_file(disk, *length, code);
  if (code)
    return Error::host(fmt::format("cannot cut {} to {} bytes: {}", disk.native(), *length, code.message()));
  const bool kdump = format != nullptr && format->is_string() && format->as_string() == "kdump";
  std::filesystem::rename(disk, directory / (kdump ? evidence_file::kVmcoreKdump : evidence_file::kVmcoreElf),
                          code);
  if (code) return Error::host(fmt::format("cannot rename {}: {}", disk.native(), code.message()));
  return {};
}

/// Another fork is made then: what became of this one is no verdict on its kernel, but for who looks into
/// forks.
Result<> keep_asleep(const std::filesystem::path& directory) {
  std::error_code code;
  std::filesystem::rename(directory / evidence_file::kHang, directory / evidence_file::kAsleep, code);
  if (code) return Error::host(fmt::format("cannot rename {}: {}", evidence_file::kHang, code.message()));
  return {};
}

/// A disk to which nobody wrote is no evidence, and a sparse gigabyte for whoever copies the rest.
void drop_empty_disk(const std::filesystem::path& directory) {
  struct stat disk = {};
  const auto path = directory / evidence_file::kCaptureDisk;
  if (::stat(path.c_str(), &disk) == 0 && disk.st_blocks == 0) ::unlink(path.c_str());
}

/// 64 hex digits for the guest's random number generator, which follow from the seed.
std::string entropy_of(std::uint64_t seed) {
  std::mt19937_64 numbers(seed);
  return fmt::format("{:016x}{:016x}{:016x}{:016x}", numbers(), numbers(), numbers(), numbers());
}

/// A number as the agent reports addresses: "0x57200000".
std::optional<std::uint64_t> hex_member(const json::value& segment, std::string_view name) {
  const json::value* member = segment.is_object() ? segment.get_object().if_contains(name) : nullptr;
  if (member == nullptr || !member->is_string()) return std::nullopt;
  std::string_view text = member->get_string();
  if (!text.starts_with("0x")) return std::nullopt;
  text.remove_prefix(2);
  std::uint64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Whose fault a refused command is: the kernel under test is what succeeds or fails in some, others ask for
/// what not every guest has; the rest can only fail by our own. A workload of the second kernel is asked for
/// where the first one has what it needs.
Fault fault_of(const ScriptStep& step) {
  const std::string_view run = step.run;
  if (run == "workload" && step.kernel == Kernel::second) return Fault::guest;
  if (run == "workload" || run.starts_with("functions.")) return Fault::lacks;
  return run.starts_with("kexec.") || run.starts_with("cpu.") ? Fault::guest : Fault::host;
}

class TrialRun {
 public:
  TrialRun(const PlannedTrial& trial, Recorder& recorder, TrialObserver& observer, Interruption& interruption,
           const Template* fork_of)
      : trial_(trial),
        recorder_(recorder),
        observer_(observer),
        interruption_(interruption),
        fork_of_(fork_of) {}

  Result<> run(const MachineFactory& make_machine);

 private:
  Result<> run_on(Machine& machine, const std::vector<ScriptStep>& script);
  Result<> boot(Conversation& guest);
  Result<> follow(Conversation& guest, const std::vector<ScriptStep>& script);
  Result<> wake(Conversation& guest);
  Result<> record(Machine& machine, Moment moment);
  Result<> await_second_kernel(Conversation& guest);
  Result<> carry_out(Conversation& guest, const ScriptStep& step);
  Result<> after_answer(Conversation& guest, const ScriptStep& step, const json::object& data);
  Result<> host_step(Conversation& guest, const ScriptStep& step);
  Result<> corrupt_crash_image(Machine& machine);

  const PlannedTrial& trial_;
  Recorder& recorder_;
  TrialObserver& observer_;
  Interruption& interruption_;
  const Template* fork_of_;
  json::array segments_;  ///< of the crash kernel, as kexec loaded it
  bool asleep_ = false;   ///< the machine is a fork that does not wake
  bool second_awaited_ = false;
  json::object captured_;
};

Result<> TrialRun::run(const MachineFactory& make_machine) {
  std::vector<ScriptStep> script = CP_TRY(make_script(trial_));
  if (fork_of_ != nullptr)
    script.erase(script.begin(), script.begin() + static_cast<std::ptrdiff_t>(shared_steps(script).size()));
  MachineConfig config = trial_.machine;
  config.capture_disk = recorder_.directory() / evidence_file::kCaptureDisk;
  config.capture_disk_size = capture_disk_size(config.memory_mib);
  config.log = recorder_.directory() / evidence_file::kQemuLog;
  config.trace_log = recorder_.directory() / evidence_file::kTraceLog;
  if (fork_of_ != nullptr) {
    config.fork_of = fork_of_->guest;
    CP_TRY(recorder_.inherit(fork_of_->directory, fork_of_->saved_at));
  }
  for (int fork = 1;; ++fork) {
    asleep_ = false;
    const std::unique_ptr<Machine> machine = CP_TRY(make_machine(config));
    const Interruption::Attachment attachment(interruption_, *machine);
    const Result<> ran = run_on(*machine, script);
    if (!asleep_ || fork == kForks || interruption_.requested()) return ran;
    CP_TRY(keep_asleep(recorder_.directory()));
  }
}

Result<> TrialRun::run_on(Machine& machine, const std::vector<ScriptStep>& script) {
  const Architecture& architecture = *trial_.machine.architecture;
  Conversation guest(machine, recorder_, observer_, architecture);
  Result<> followed = follow(guest, script);
  asleep_ = guest.is_asleep();
  if (guest.is_overdue())
    record_hang(machine, recorder_, architecture, [&] { guest.listen(kBetweenSamples); });
  if (!followed) return followed;
  if (recorder_.stage() < Stage::crash) CP_TRY(record(machine, Moment::armed));  // there is no trigger
  if (!captured_.empty()) CP_TRY(record(machine, Moment::captured));
  machine.stop();
  guest.enter(Stage::verify);
  if (!captured_.empty()) {
    CP_TRY(keep_dump(recorder_.directory(), captured_));
    // What cannot be read out of a dump is the checks' to judge: they read the same dump.
    (void)extract_from_vmcore(recorder_.directory());
  }
  return {};
}

Result<> TrialRun::follow(Conversation& guest, const std::vector<ScriptStep>& script) {
  CP_TRY(boot(guest));
  for (const ScriptStep& step : script) {
    CP_TRY(carry_out(guest, step));
    if (recorder_.failure()) return *recorder_.failure();
  }
  return {};
}

Result<> TrialRun::boot(Conversation& guest) {
  guest.enter(Stage::boot);
  CP_TRY(guest.machine().start());
  recorder_.store(evidence_file::kHost, json::serialize(guest.machine().describe()));
  if (fork_of_ != nullptr) return wake(guest);
  CP_TRY(guest.await_hello(Kernel::first));
  guest.booted();
  return {};
}

Result<> TrialRun::wake(Conversation& guest) {
  guest.booted_in(fork_of_->boot);
  guest.woke_in(fork_of_->woke);
  segments_ = fork_of_->segments;
  json::object arguments;
  // With a given seed the clock, too, goes on from where the template's stood.
  if (!trial_.seed)
    arguments["time"] = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  arguments["entropy"] = entropy_of(trial_.seed ? *trial_.seed : std::random_device()());
  const auto answer = CP_TRY(guest.wake(arguments));
  if (!answer.ok) return Error::host(fmt::format("wake: {}", answer.error));
  return {};
}

Result<> TrialRun::record(Machine& machine, Moment moment) {
  return record_moment(moment, trial_.scenario->record, machine, recorder_,
                       fork_of_ == nullptr ? nullptr : &fork_of_->hashes);
}

Result<> TrialRun::await_second_kernel(Conversation& guest) {
  CP_TRY(guest.await_second_kernel());
  CP_TRY(record(guest.machine(), Moment::crash));
  CP_TRY(guest.await_hello(Kernel::second));
  return record(guest.machine(), Moment::second_kernel);
}

Result<> TrialRun::carry_out(Conversation& guest, const ScriptStep& step) {
  if (step.kernel == Kernel::second && !std::exchange(second_awaited_, true))
    CP_TRY(await_second_kernel(guest));
  if (recorder_.stage() < Stage::crash && step.stage >= Stage::crash)
    CP_TRY(record(guest.machine(), Moment::armed));
  if (recorder_.stage() < step.stage) guest.enter(step.stage);
  if (step.run.starts_with("host.")) return host_step(guest, step);
  const Conversation::Answer answer = CP_TRY(guest.ask(step.run, step.arguments));
  // A kernel whose dump cannot be copied got as far as it can: what is wrong with the dump is for the checks
  // to say.
  if (!answer.ok && step.run == "capture") return {};
  if (!answer.ok)
    return Error(fault_of(step), fmt::format("{}: {}", step.run,
                                             answer.error.empty() ? "refused without a word" : answer.error));
  return after_answer(guest, step, answer.data);
}

Result<> TrialRun::after_answer(Conversation& guest, const ScriptStep& step, const json::object& data) {
  if (step.run == "kexec.load")
    if (const auto* segments = data.if_contains("segments"); segments != nullptr && segments->is_array())
      segments_ = segments->as_array();
  if (step.run == "capture") captured_ = data;
  if (step.starts_kernel) CP_TRY(guest.await_hello(Kernel::first));
  return {};
}

Result<> TrialRun::host_step(Conversation& guest, const ScriptStep& step) {
  if (step.run == "host.nmi") return guest.machine().inject_nmi();
  if (step.run == "host.corrupt-crash-image") return corrupt_crash_image(guest.machine());
  return Error::usage(fmt::format("unknown step {}", step.run));
}

/// Changes one byte in the middle of the largest loaded segment (kernel or initramfs), behind the kernel's
/// back.
Result<> TrialRun::corrupt_crash_image(Machine& machine) {
  std::uint64_t address = 0;
  std::uint64_t largest = 0;
  for (const auto& segment : segments_) {
    const auto begin = hex_member(segment, "mem");
    const auto bytes = hex_member(segment, "memsz");
    if (!begin || !bytes || *bytes <= largest) continue;
    largest = *bytes;
    address = *begin + *bytes / 2;
  }
  if (largest == 0)
    return Error::host("the agent reported no segments of the crash kernel: there is nothing to corrupt");
  const GuestMemory memory = CP_TRY(machine.memory());
  if (address < memory.base || address - memory.base >= memory.bytes.size())
    return Error::guest(fmt::format("the crash kernel's segment at {:#x} is outside of RAM", address));
  const std::array changed{memory.bytes[address - memory.base] ^ std::byte{0xff}};
  return machine.write_memory(address, changed);
}

EndedBy ended_by(Fault fault) {
  if (fault == Fault::lacks) return EndedBy::lacks;
  return fault == Fault::guest ? EndedBy::guest : EndedBy::host;
}

}  // namespace

std::uint64_t capture_disk_size(int memory_mib) {
  return (static_cast<std::uint64_t>(memory_mib) + 64) << 20;
}

Result<> run_trial(const PlannedTrial& trial, const std::filesystem::path& directory,
                   const MachineFactory& make_machine, TrialObserver& observer, Interruption& interruption,
                   const Template* fork_of) {
  Recorder recorder = CP_TRY(Recorder::create(directory));
  recorder.store(evidence_file::kTrial, json::serialize(describe_trial(trial, fork_of)));
  if (recorder.failure()) return *recorder.failure();
  if (!trial.skip_reason.empty()) {
    recorder.end(EndedBy::lacks, trial.skip_reason);
    return {};
  }
  if (!trial.error_reason.empty()) {
    recorder.end(EndedBy::host, trial.error_reason);
    return {};
  }
  const Result<> result = TrialRun(trial, recorder, observer, interruption, fork_of).run(make_machine);
  drop_empty_disk(directory);
  if (!result)
    recorder.end(ended_by(result.error().fault()), result.error().message());
  else
    recorder.end(EndedBy::done, "");
  if (recorder.failure()) return *recorder.failure();
  return {};
}

}  // namespace crashpath
