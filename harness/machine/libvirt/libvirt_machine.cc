#include "harness/machine/libvirt/libvirt_machine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>

#include "harness/base/json_number.h"
#include "harness/machine/firmware.h"
#include "harness/machine/libvirt/event_loop.h"
#include "harness/machine/libvirt/monitor.h"
#include "harness/machine/libvirt/owner.h"
#include "harness/machine/qemu/log_files.h"
#include "harness/machine/qemu/monitor_text.h"

namespace crashpath::libvirt {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

/// For libvirt and QEMU themselves: no guest code runs in them.
constexpr auto kAnswerTime = 60s;
/// How often a connection whose streams have ended is asked whether it still works.
constexpr auto kLookAgain = 1s;
constexpr const char* kAgentChannel = "crashpath.agent";

using SharedInbox = std::shared_ptr<Inbox>;

void forget_inbox(void* opaque) {
  delete static_cast<SharedInbox*>(opaque);
}

Inbox& inbox_of(void* opaque) {
  return **static_cast<SharedInbox*>(opaque);
}

int on_lifecycle(virConnectPtr, virDomainPtr, int event, int detail, void* opaque) {
  if (event == VIR_DOMAIN_EVENT_STOPPED)
    inbox_of(opaque).domain_ended(detail == VIR_DOMAIN_EVENT_STOPPED_FAILED);
  return 0;
}

}  // namespace

/// QEMU takes descriptors of this machine alone, and its memory file is open to who may look into its
/// process. Messages with trace events among them are where only an embedded driver lets us look.
Capabilities capabilities_of(const Uri& uri) {
  return {.forks = false,
          .traces = uri.embedded,
          .sees_memory = true,
          .writes_memory = uri.embedded || (uri.local && ::geteuid() == 0),
          .saves_devices = uri.local,
          .tcg_threads = false};
}

LibvirtMachine::LibvirtMachine(MachineConfig config, Uri uri)
    : config_(std::move(config)), uri_(std::move(uri)) {}

LibvirtMachine::~LibvirtMachine() {
  stop();
}

std::string LibvirtMachine::file_name(std::string_view what) const {
  return fmt::format("{}.{}", number_, what);
}

/// A name for a file here that is soon gone again.
std::filesystem::path LibvirtMachine::scratch(std::string_view what) const {
  const auto directory =
      config_.log.empty() ? std::filesystem::temp_directory_path() : config_.log.parent_path();
  return directory / fmt::format("libvirt-{}.{}", number_, what);
}

Result<> LibvirtMachine::start() {
  if (domain_ || stopped_) return Error::host("this machine was started before");
  if (config_.fork_of) return Error::host("a libvirt domain cannot begin as a fork");
  const auto started = create_domain();
  if (!started) {
    Error error = started.error();
    stop();
    return error;
  }
  return {};
}

Result<DomainPlace> LibvirtMachine::place(HostFiles& files, const GuestSupport& support) {
  DomainPlace place{.name = name_,
                    .owner = owner_of_this_process(),
                    .emulator = support.emulator,
                    .accelerator = support.accelerator};
  place.kernel = CP_TRY(files.publish(config_.kernel));
  if (!config_.initramfs.empty()) place.initramfs = CP_TRY(files.publish(config_.initramfs));
  if (const auto firmware = CP_TRY(find_firmware(config_)); !firmware.empty())
    place.firmware = CP_TRY(files.publish(firmware));
  if (!config_.capture_disk.empty())
    place.capture_disk = CP_TRY(files.create(file_name("disk"), config_.capture_disk_size));
  place.console_log = CP_TRY(files.create(file_name("console"), 0));
  if (uri_.embedded) place.agent_socket = files.path_of(file_name("agent"));
  return place;
}

Result<> LibvirtMachine::create_domain() {
  static std::atomic<int> last_number = 0;
  host_ = CP_TRY(Host::open(uri_));
  number_ = ++last_number;
  name_ = name_of_ours(std::to_string(number_));
  const GuestSupport support = CP_TRY(host_->support(*config_.architecture));
  files_ = CP_TRY(host_->files());
  const DomainPlace where = CP_TRY(place(*files_, support));
  const std::string xml = domain_xml(config_, where);
  // An embedded driver knows no connection whose end would end a domain (qemuProcessAutoDestroyAdd()).
  const unsigned flags = VIR_DOMAIN_START_PAUSED | (uri_.embedded ? 0 : VIR_DOMAIN_START_AUTODESTROY);
  domain_.reset(virDomainCreateXML(host_->connection(), xml.c_str(), flags));
  if (!domain_) return last_error(fmt::format("{} does not start the guest", uri_.text));
  description_ = {{"backend", "libvirt"},
                  {"uri", uri_.text},
                  {"domain", name_},
                  {"program", support.emulator},
                  {"accelerator", to_string(support.accelerator)},
                  {"accelerator_reason", support.reason},
                  {"firmware", where.firmware},
                  {"domain_xml", xml}};
  for (auto& [key, value] : host_->describe()) description_[key] = std::move(value);
  CP_TRY(listen());
  if (uri_.local) CP_TRY(look_at_vcpus());
  return config_.pause_at_start ? Result<>() : resume();
}

/// The domain was started with its CPUs stopped, so that nothing of the guest is missed.
Result<> LibvirtMachine::listen() {
  virConnectPtr connection = host_->connection();
  lifecycle_callback_ = virConnectDomainEventRegisterAny(
      connection, domain_.get(), VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle),
      new SharedInbox(inbox_), forget_inbox);
  if (lifecycle_callback_ < 0) return last_error("cannot listen to the domain's events");
  CP_TRY(host_->monitor_events().listen(
      connection, name_,
      [inbox = inbox_](std::string_view name, std::string_view data) { inbox->monitor_event(name, data); }));
  const auto on_end = [inbox = inbox_] { inbox->stream_ended(); };
  console_ = CP_TRY(GuestStream::open_console(
      connection, domain_.get(),
      {[inbox = inbox_](std::string_view bytes) { inbox->console(bytes); }, on_end}));
  inbox_->expect_streams(1);
  agent_ = CP_TRY(
      GuestStream::open_channel(connection, domain_.get(), kAgentChannel,
                                {[inbox = inbox_](std::string_view bytes) { inbox->agent(bytes); }, on_end}));
  inbox_->expect_streams(1);
  return {};
}

Result<> LibvirtMachine::look_at_vcpus() {
  const json::value cpus = CP_TRY(command("query-cpus-fast"));
  if (!cpus.is_array() || cpus.as_array().empty() || !cpus.as_array().front().is_object())
    return Error::host("QMP query-cpus-fast: no list");
  vcpu_thread_ = number_member<pid_t>(cpus.as_array().front().as_object(), "thread-id").value_or(0);
  return {};
}

Event LibvirtMachine::next_event(Clock::time_point deadline) {
  for (;;) {
    const bool past = Clock::now() >= deadline;
    if (auto event = inbox_->take(past ? deadline : std::min(deadline, Clock::now() + kLookAgain)))
      return *event;
    if (auto end = after_the_end()) return *end;
    if (Clock::now() < deadline) continue;
    // What came in time, while we had no CPU, is looked for once: not again and again, or a guest that never
    // stops printing would have no deadline.
    if (polled_for_ != deadline) {
      polled_for_ = deadline;
      await_event_loop(5s);
      continue;
    }
    if (auto partial = inbox_->take_partial()) return *partial;
    if (exit_told_ || answers()) return DeadlinePassed{};
    lose();
  }
}

/// Once, when the domain has ended and everything that it left in its streams was read, or when nothing more
/// can be heard of it.
std::optional<Event> LibvirtMachine::after_the_end() {
  if (exit_told_) return std::nullopt;
  if (inbox_->everything_heard()) {
    add_lost_console();
    if (auto partial = inbox_->take_partial()) inbox_->put(std::move(*partial));
    inbox_->put_end(MachineExited{.exit_code = inbox_->failed() ? 1 : 0, .signal = {}});
    exit_told_ = true;
  } else if (inbox_->streams_ended() && host_ && !host_->alive()) {
    lose();
  }
  return exit_told_ ? inbox_->take(Clock::now()) : std::nullopt;
}

/// Whether somebody is at the other end. A guest whose host is silent is not one that hangs.
bool LibvirtMachine::answers() const {
  return uri_.embedded || !host_ || host_->answers();
}

void LibvirtMachine::lose() {
  inbox_->put_end(MachineExited{.words = fmt::format("the connection to {} was lost", uri_.text)});
  exit_told_ = true;
}

/// A pseudo terminal that QEMU closes forgets what was not read yet (tty_io.c, __tty_hangup()). QEMU's own
/// copy of the console has it.
void LibvirtMachine::add_lost_console() {
  const auto file = scratch("console");
  if (files_ == nullptr || !files_->fetch(file_name("console"), file)) return;
  if (const auto whole = read_file(file); whole && whole->size() > inbox_->console_bytes())
    inbox_->console(std::string_view(*whole).substr(inbox_->console_bytes()));
  ::unlink(file.c_str());
}

Result<> LibvirtMachine::send_to_agent(std::string_view line) {
  if (!agent_ || stopped_) return Error::host("the machine does not run");
  return agent_->send(std::string(line) + "\n");
}

Result<> LibvirtMachine::inject_nmi() {
  if (!config_.architecture->has_nmi)
    return Error::guest(fmt::format("a {} machine has no NMI", config_.architecture->name));
  if (!domain_ || virDomainInjectNMI(domain_.get(), 0) != 0) return last_error("cannot inject an NMI");
  return {};
}

Result<> LibvirtMachine::pause() {
  if (!domain_ || virDomainSuspend(domain_.get()) != 0) return last_error("cannot stop the guest");
  return {};
}

Result<> LibvirtMachine::resume() {
  if (!domain_ || virDomainResume(domain_.get()) != 0) return last_error("cannot let the guest go on");
  return {};
}

/// Through QEMU's memory file where it is of this machine and ours to read; else a dump that libvirt makes.
Result<GuestMemory> LibvirtMachine::memory() {
  if (!domain_ || stopped_) return Error::host("the machine does not run");
  const std::uint64_t bytes = static_cast<std::uint64_t>(config_.memory_mib) << 20;
  const std::uint64_t base = config_.architecture->ram_base;
  if (vcpu_thread_ != 0 && !ram_)
    if (auto mapped = map_ram_of_thread(vcpu_thread_, name_, bytes)) ram_ = std::move(*mapped);
  const bool mapped = vcpu_thread_ != 0 && ram_;
  if (!mapped) {
    vcpu_thread_ = 0;
    ram_ = CP_TRY(dump_ram(domain_.get(), *files_, file_name("core"), scratch("core"), base, bytes));
  }
  return GuestMemory{.base = base, .bytes = ram_->bytes(), .data = CP_TRY(ram_->data())};
}

Result<> LibvirtMachine::write_memory(std::uint64_t address, std::span<const std::byte> bytes) {
  const GuestMemory seen = CP_TRY(memory());
  if (vcpu_thread_ == 0)
    return Error::host(fmt::format("{} lets nobody write to a guest's memory", uri_.text));
  const std::uint64_t offset = address - seen.base;
  if (address < seen.base || offset > seen.bytes.size() || bytes.size() > seen.bytes.size() - offset)
    return Error::host(
        fmt::format("{:#x} and the {} bytes from there are not in the guest's RAM", address, bytes.size()));
  std::copy(bytes.begin(), bytes.end(), ram_->bytes().begin() + static_cast<std::ptrdiff_t>(offset));
  return {};
}

Result<json::value> LibvirtMachine::command(std::string_view name, const json::object& arguments, int fd) {
  if (!domain_ || stopped_) return Error::host(fmt::format("QMP {}: the machine does not run", name));
  return monitor_command(domain_.get(), name, arguments, fd, config_.on_monitor_line);
}

Result<std::string> LibvirtMachine::human_command(std::string_view line, int cpu) {
  const json::value answer =
      CP_TRY(command("human-monitor-command", {{"command-line", line}, {"cpu-index", cpu}}));
  if (!answer.is_string()) return Error::host(fmt::format("QMP human-monitor-command: {}: no text", line));
  return std::string(answer.get_string());
}

Result<std::vector<VcpuRegisters>> LibvirtMachine::vcpu_registers() {
  return parse_registers(CP_TRY(human_command("info registers -a", 0)));
}

Result<std::string> LibvirtMachine::read_virtual(int cpu, std::uint64_t address, std::size_t bytes) {
  if (bytes > 4096) return Error::host("more than 4 KiB of virtual memory at a time");
  return parse_memory_dump(CP_TRY(human_command(fmt::format("x /{}xb {:#x}", bytes, address), cpu)), bytes);
}

/// QEMU's migration, of which libvirt knows nothing, into a file of ours: libvirt's own ways to save a domain
/// save its RAM with it. The RAM is a shared memory file, which stays where it is.
Result<> LibvirtMachine::save_device_state(const std::filesystem::path& file) {
  if (!uri_.local) return Error::host(fmt::format("{} takes no open files for QEMU", uri_.text));
  const UniqueFd fd = CP_TRY(open_file(file, O_RDWR | O_CREAT | O_TRUNC));
  const auto on = [](std::string_view name) { return json::object{{"capability", name}, {"state", true}}; };
  if (!std::exchange(migration_prepared_, true)) {
    CP_TRY(command("migrate-set-capabilities", {{"capabilities", {on("x-ignore-shared"), on("events")}}}));
    CP_TRY(command("migrate-set-parameters", {{"max-bandwidth", std::int64_t{1} << 40}}));
  }
  inbox_->forget_migration();
  CP_TRY(command("getfd", {{"fdname", "device-state"}}, fd.get()));
  CP_TRY(command("migrate", {{"uri", "fd:device-state"}}));
  if (!inbox_->await_migration(Clock::now() + kAnswerTime) || inbox_->migration_status() != "completed")
    return Error::host("QEMU did not save the state of its devices");
  return await_finished_save();
}

/// As QemuMachine's: behind the event QEMU refuses to let the guest go on for a moment.
Result<> LibvirtMachine::await_finished_save() {
  const auto deadline = Clock::now() + kAnswerTime;
  while (Clock::now() < deadline) {
    const json::value answer = CP_TRY(command("query-status"));
    const json::value* status = answer.is_object() ? answer.as_object().if_contains("status") : nullptr;
    if (status == nullptr || !status->is_string()) return Error::host("QMP query-status: no status");
    if (status->as_string() != "finish-migrate") return {};
  }
  return Error::host("QEMU did not finish saving the state of its devices");
}

/// "vcpu.N.delay": nanoseconds in which the vCPU's thread waited for a CPU of its host
/// (virConnectGetAllDomainStats()).
Clock::duration LibvirtMachine::starved() const {
  if (!domain_ || stopped_) return starved_;
  virDomainPtr domains[] = {domain_.get(), nullptr};
  virDomainStatsRecordPtr* records = nullptr;
  const int count = virDomainListGetStats(domains, VIR_DOMAIN_STATS_VCPU, &records, 0);
  for (int i = 0; i < count; ++i)
    for (int k = 0; k < records[i]->nparams; ++k) {
      const virTypedParameter& one = records[i]->params[k];
      if (std::string_view(one.field).ends_with(".delay") && one.type == VIR_TYPED_PARAM_ULLONG)
        starved_ = std::max<Clock::duration>(starved_, std::chrono::nanoseconds(one.value.ul));
    }
  if (count >= 0) virDomainStatsRecordListFree(records);
  return starved_;
}

void LibvirtMachine::deafen() {
  console_.reset();
  agent_.reset();
  if (lifecycle_callback_ >= 0) virConnectDomainEventDeregisterAny(host_->connection(), lifecycle_callback_);
  lifecycle_callback_ = -1;
  host_->monitor_events().forget(host_->connection(), name_);
}

void LibvirtMachine::stop() {
  if (std::exchange(stopped_, true) || !host_) return;
  if (domain_) {
    virDomainDestroy(domain_.get());  // an error when it has ended
    deafen();
  }
  ram_.reset();
  if (files_ != nullptr && number_ != 0) collect_files();
  domain_.reset();
}

/// The disk, and QEMU's messages where its host lets us have them.
void LibvirtMachine::collect_files() {
  auto log = BoundedLog::create(config_.log);
  auto traces = BoundedLog::create(config_.trace_events.empty() ? "" : config_.trace_log);
  if (domain_ && !config_.capture_disk.empty())
    if (const auto fetched = files_->fetch(file_name("disk"), config_.capture_disk); !fetched && log)
      log->add(fetched.error().message() + "\n");
  for (const char* left : {"disk", "console", "agent"}) files_->remove(file_name(left));
  if (!log || !traces) return;
  const auto theirs = host_->log_directory();
  if (theirs.empty()) {
    log->add(fmt::format("QEMU's messages are in {}.log of the directory in which {} keeps logs\n", name_,
                         uri_.text));
    return;
  }
  LogFiles files(std::move(*log), std::move(*traces));
  if (const auto text = read_file(theirs / (name_ + ".log"))) files.take(*text);
  files.end();
}

void LibvirtMachine::interrupt() {
  inbox_->interrupt();
}

Result<std::string> LibvirtMachine::identity() const {
  return fmt::format("libvirt {}", uri_.text);
}

json::object LibvirtMachine::describe() const {
  return description_;
}

}  // namespace crashpath::libvirt
