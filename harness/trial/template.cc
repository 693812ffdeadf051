#include "harness/trial/template.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

#include "harness/base/scratch_directory.h"
#include "harness/evidence/directory.h"
#include "harness/trial/conversation.h"
#include "harness/trial/guest_memory_hashes.h"
#include "harness/trial/script.h"

namespace crashpath {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

/// Changes with what a saved guest holds, or with what the agent in it can do.
constexpr int kFormat = 3;
constexpr const char* kRam = "ram";
constexpr const char* kHashes = "ram.pagehash";
constexpr const char* kDeviceState = "device-state";
constexpr const char* kAbout = "template.json";

std::string hash_of(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

Result<std::string> hash_of_file(const fs::path& file) {
  return hash_of(CP_TRY(read_file(file)));
}

json::array to_json(const std::vector<ScriptStep>& steps) {
  json::array list;
  for (const auto& step : steps)
    list.push_back(json::object{{"run", step.run}, {"arguments", step.arguments}});
  return list;
}

/// Tries a saved guest again when no fork of it gets going, so often.
constexpr int kAttempts = 3;

/// Where the dump of a guest goes that is not crashed: it is removed again.
MachineConfig with_disk(const PlannedTrial& trial, const fs::path& directory) {
  MachineConfig config = trial.machine;
  config.capture_disk = directory / evidence_file::kCaptureDisk;
  config.capture_disk_size = capture_disk_size(config.memory_mib);
  config.log = directory / evidence_file::kQemuLog;
  return config;
}

/// A guest that hardly gets a CPU of the host may be about to take an interrupt for long, so it may take its
/// time. One that never takes them (it waits with interrupts off) is saved as it is: whether it wakes shows.
Result<> pause_between_interrupts(Machine& machine, Conversation& guest) {
  constexpr int kMostTimes = 100;
  for (int times = 1;; ++times) {
    CP_TRY(machine.pause());
    if (!CP_TRY(machine.has_pending_interrupt()) || times == kMostTimes) return {};
    CP_TRY(machine.resume());
    guest.listen(std::chrono::milliseconds(20));
  }
}

/// Boots one guest, takes it through the shared steps and saves it into a directory.
class Making {
 public:
  Making(const PlannedTrial& trial, fs::path directory) : trial_(trial), directory_(std::move(directory)) {}

  Result<> make(const MachineFactory& make_machine, TrialObserver& observer, Interruption& interruption);
  /// `woke`: as of a Template; not known before the first fork.
  Result<> describe(const std::string& key, Clock::duration woke);

 private:
  Result<> arm(Conversation& guest);
  Result<> save(Machine& machine);

  const PlannedTrial& trial_;
  fs::path directory_;
  double booted_ = 0, saved_ = 0, saving_ = 0;
  json::array segments_;
};

Result<> Making::make(const MachineFactory& make_machine, TrialObserver& observer,
                      Interruption& interruption) {
  Recorder recorder = CP_TRY(Recorder::create(directory_));
  const MachineConfig config = with_disk(trial_, directory_);
  const std::unique_ptr<Machine> machine = CP_TRY(make_machine(config));
  const Interruption::Attachment attachment(interruption, *machine);
  Conversation guest(*machine, recorder, observer, *config.architecture);
  guest.enter(Stage::boot);
  CP_TRY(machine->start());
  recorder.store(evidence_file::kHost, json::serialize(machine->describe()));
  CP_TRY(guest.await_hello(Kernel::first));
  guest.booted();
  booted_ = recorder.seconds();
  guest.enter(Stage::arm);
  CP_TRY(arm(guest));
  CP_TRY(pause_between_interrupts(*machine, guest));
  saved_ = recorder.seconds();
  CP_TRY(save(*machine));
  saving_ = recorder.seconds() - saved_;
  machine->stop();
  fs::remove(config.capture_disk);
  if (recorder.failure()) return *recorder.failure();
  return {};
}

Result<> Making::arm(Conversation& guest) {
  for (const ScriptStep& step : shared_steps(CP_TRY(make_script(trial_)))) {
    const auto answer = CP_TRY(guest.ask(step.run, step.arguments));
    if (!answer.ok) return Error::guest(fmt::format("{}: {}", step.run, answer.error));
    if (const auto* segments = answer.data.if_contains("segments");
        segments != nullptr && segments->is_array())
      segments_ = segments->as_array();
  }
  return {};
}

Result<> Making::save(Machine& machine) {
  const GuestMemory memory = CP_TRY(machine.memory());
  CP_TRY(FrozenRam::save(memory.bytes, memory.data, directory_ / kRam));
  CP_TRY(write_page_hashes(directory_ / kHashes, hash_guest_memory(memory, nullptr)));
  return machine.save_device_state(directory_ / kDeviceState);
}

Result<> Making::describe(const std::string& key, Clock::duration woke) {
  const json::object about{{"format", kFormat},
                           {"key", key},
                           {"guest", identity_to_json(trial_)},
                           {"append", trial_.machine.append},
                           {"boot", booted_},
                           {"woke", std::chrono::duration<double>(woke).count()},
                           {"saved_at", saved_},
                           {"saving", saving_},
                           {"segments", segments_},
                           {"xxh128",
                            {{kHashes, CP_TRY(hash_of_file(directory_ / kHashes))},
                             {kDeviceState, CP_TRY(hash_of_file(directory_ / kDeviceState))}}}};
  return write_file(directory_ / kAbout, json::serialize(about) + "\n");
}

Clock::duration duration_of(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

/// Reads a template and compares every byte with its hashes. Whatever does not fit is an error.
Result<Template> read_template(const fs::path& directory, const std::string& key, int memory_mib) try {
  const json::value about = json::parse(CP_TRY(read_file(directory / kAbout)));
  if (about.at("format").as_int64() != kFormat || about.at("key").as_string() != key)
    return Error::host("it was made by another crashpath");
  for (const char* file : {kHashes, kDeviceState})
    if (CP_TRY(hash_of_file(directory / file)) != std::string_view(about.at("xxh128").at(file).as_string()))
      return Error::host(fmt::format("{} is damaged", file));
  auto device_state = std::make_shared<const std::string>(CP_TRY(read_file(directory / kDeviceState)));
  Template made{.key = key,
                .directory = directory,
                .guest = {.device_state = std::move(device_state), .ram = nullptr},
                .hashes = CP_TRY(read_page_hashes(directory / kHashes)),
                .boot = duration_of(about.at("boot").to_number<double>()),
                .woke = duration_of(about.at("woke").to_number<double>()),
                .saved_at = about.at("saved_at").to_number<double>(),
                .segments = about.at("segments").as_array()};
  const std::uint64_t bytes = static_cast<std::uint64_t>(memory_mib) << 20;
  auto ram = std::make_shared<const FrozenRam>(CP_TRY(FrozenRam::load(directory / kRam, bytes)));
  PageHashes hashes = hash_of_zeros(made.hashes.ram_base, bytes);
  for (const Extent& extent : ram->data()) rehash(hashes, ram->bytes(), extent.offset, extent.length);
  if (hashes.hashes != made.hashes.hashes) return Error::host("its RAM is damaged");
  made.guest.ram = std::move(ram);
  return made;
} catch (const std::exception& wrong) {
  return Error::host(fmt::format("{} is damaged: {}", kAbout, wrong.what()));
}

/// Lets a fork answer once, and says how long that took. What QEMU does not save with a guest, as a pseries'
/// decrementer before QEMU 8.1, may be what the guest waits for in just the moment in which it was saved:
/// then no fork of it ever wakes.
Result<Clock::duration> prove(const Template& made, const PlannedTrial& trial,
                              const MachineFactory& make_machine, TrialObserver& observer,
                              Interruption& interruption) {
  const ScratchDirectory scratch = CP_TRY(ScratchDirectory::make(made.directory));
  Recorder recorder = CP_TRY(Recorder::create(scratch.path()));
  MachineConfig config = with_disk(trial, scratch.path());
  config.fork_of = made.guest;
  const std::unique_ptr<Machine> machine = CP_TRY(make_machine(config));
  const Interruption::Attachment attachment(interruption, *machine);
  Conversation guest(*machine, recorder, observer, *config.architecture);
  CP_TRY(machine->start());
  guest.booted_in(made.boot);
  guest.enter(Stage::arm);
  const auto asked = Clock::now();
  const auto answer = CP_TRY(guest.ask("wake", {}));
  const auto woke = Clock::now() - asked;
  machine->stop();
  return answer.ok ? Result<Clock::duration>(woke) : Error::guest(fmt::format("wake: {}", answer.error));
}

std::uint64_t size_on_disk(const fs::path& directory) {
  std::uint64_t size = 0;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(directory, code))
    if (const auto used = allocated_size(entry.path())) size += *used;
  return size;
}

}  // namespace

Result<std::string> template_key(const PlannedTrial& trial, const MachineFactory& make_machine) {
  if (!trial.skip_reason.empty() || !trial.error_reason.empty()) return std::string();
  if (!trial.machine.trace_events.empty()) return std::string();  // they have to begin at power-on
  const auto steps = shared_steps(CP_TRY(make_script(trial)));
  if (steps.empty()) return std::string();
  const std::unique_ptr<Machine> machine = CP_TRY(make_machine(trial.machine));
  const json::object shape{{"format", kFormat},
                           {"machine", identity_to_json(trial).at("machine")},
                           {"kernel", trial.machine.kernel.native()},
                           {"initramfs", trial.machine.initramfs.native()},
                           {"append", trial.machine.append},
                           {"hypervisor", CP_TRY(machine->identity())},
                           {"steps", to_json(steps)}};
  return fmt::format("{}-{}-{}", trial.image->architecture->name, trial.image->kernel_release,
                     hash_of(json::serialize(shape)).substr(0, 16));
}

TemplateStore::TemplateStore(fs::path directory, std::uint64_t limit)
    : directory_(std::move(directory)), limit_(limit) {
  remove_stale_scratch(directory_);
}

bool TemplateStore::has(const std::string& key) const {
  return fs::exists(directory_ / key / kAbout);
}

Result<std::shared_ptr<const Template>> TemplateStore::load(const std::string& key, int memory_mib) {
  const std::scoped_lock lock(mutex_);
  if (auto loaded = loaded_[key].lock()) return loaded;
  auto made = read_template(directory_ / key, key, memory_mib);
  if (!made) {
    std::error_code code;
    fs::remove_all(directory_ / key, code);
    return Error(std::move(made).error()).within(fmt::format("template {}", key));
  }
  std::error_code code;
  fs::last_write_time(directory_ / key / kAbout, fs::file_time_type::clock::now(), code);
  auto shared = std::make_shared<const Template>(*std::move(made));
  loaded_[key] = shared;
  return shared;
}

Result<> TemplateStore::make(const std::string& key, const PlannedTrial& trial,
                             const MachineFactory& make_machine, TrialObserver& observer,
                             Interruption& interruption) {
  Error asleep;
  for (int attempt = 0; attempt < kAttempts && !interruption.requested(); ++attempt) {
    ScratchDirectory scratch = CP_TRY(ScratchDirectory::make(directory_));
    Making making(trial, scratch.path());
    CP_TRY(making.make(make_machine, observer, interruption));
    CP_TRY(making.describe(key, {}));
    const Template made = CP_TRY(read_template(scratch.path(), key, trial.machine.memory_mib));
    const auto woke = prove(made, trial, make_machine, observer, interruption);
    if (!woke) {
      asleep = woke.error();
      if (asleep.fault() != Fault::guest) return asleep;
      continue;
    }
    CP_TRY(making.describe(key, *woke));
    CP_TRY(scratch.rename_to(directory_ / key));
    keep_limit(key);
    return {};
  }
  return std::move(asleep).within("no fork of the saved guest wakes");
}

std::vector<CachedTemplate> list_templates(const fs::path& directory) {
  std::vector<CachedTemplate> all;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(directory, code))
    if (fs::exists(entry.path() / kAbout))
      all.push_back({.directory = entry.path(),
                     .size = size_on_disk(entry.path()),
                     .used = fs::last_write_time(entry.path() / kAbout, code)});
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.used < b.used; });
  return all;
}

void TemplateStore::keep_limit(const std::string& newest) const {
  const auto all = list_templates(directory_);
  std::uint64_t total = 0;
  for (const CachedTemplate& each : all) total += each.size;
  std::error_code code;
  for (const CachedTemplate& oldest : all) {
    if (total <= limit_) return;
    if (oldest.directory.filename() == newest) continue;
    fs::remove_all(oldest.directory, code);  // forks of it under way have all of it open or mapped
    total -= oldest.size;
  }
}

}  // namespace crashpath
