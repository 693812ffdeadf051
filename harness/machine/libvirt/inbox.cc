#include "harness/machine/libvirt/inbox.h"

namespace crashpath::libvirt {

namespace json = boost::json;

void Inbox::take_lines(LineSplitter& splitter, std::string_view bytes, bool of_agent) {
  for (auto& line : splitter.feed(bytes)) {
    if (of_agent)
      queue_.emplace_back(AgentLine{std::move(line)});
    else
      queue_.emplace_back(ConsoleLine{std::move(line), true});
  }
  changed_.notify_all();
}

void Inbox::console(std::string_view bytes) {
  const std::scoped_lock lock(mutex_);
  console_bytes_ += bytes.size();
  take_lines(console_lines_, bytes, false);
}

void Inbox::agent(std::string_view bytes) {
  const std::scoped_lock lock(mutex_);
  take_lines(agent_lines_, bytes, true);
}

void Inbox::stream_ended() {
  const std::scoped_lock lock(mutex_);
  --open_streams_;
  changed_.notify_all();
}

void Inbox::monitor_event(std::string_view name, std::string_view data) {
  boost::system::error_code code;
  json::value value = data.empty() ? json::value() : json::parse(data, code);
  HypervisorEvent event{.name = std::string(name), .data = {}};
  if (!code && value.is_object()) event.data = std::move(value.as_object());
  const std::scoped_lock lock(mutex_);
  // Ours, not the guest's: only what looks into the guest causes these.
  if (name == "MIGRATION") {
    const json::value* status = event.data.if_contains("status");
    if (status != nullptr && status->is_string()) migration_status_ = status->get_string();
    changed_.notify_all();
    return;
  }
  if (name == "MIGRATION_PASS" || name == "DUMP_COMPLETED") return;
  if (name == "GUEST_PANICKED") panicked_ = true;
  if (name == "SHUTDOWN") {
    // libvirt ends QEMU itself once the guest has: of two reasons the first one counts, and of a panic the
    // guest's.
    if (std::exchange(shut_down_, true)) return;
    if (panicked_) event.data["reason"] = "guest-panic";
  }
  queue_.emplace_back(std::move(event));
  changed_.notify_all();
}

void Inbox::domain_ended(bool failed) {
  const std::scoped_lock lock(mutex_);
  domain_ended_ = true;
  failed_ = failed;
  // libvirt may end a QEMU that panicked before QEMU has said that it shuts down.
  if (panicked_ && !std::exchange(shut_down_, true))
    queue_.emplace_back(
        HypervisorEvent{.name = "SHUTDOWN", .data = {{"guest", true}, {"reason", "guest-panic"}}});
  changed_.notify_all();
}

void Inbox::interrupt() {
  const std::scoped_lock lock(mutex_);
  interrupted_ = true;
  changed_.notify_all();
}

std::optional<Event> Inbox::take(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline,
                      [&] { return interrupted_ || !queue_.empty() || (heard() && !end_told_); });
  if (std::exchange(interrupted_, false)) return Interrupted{};
  if (queue_.empty()) return std::nullopt;
  Event event = std::move(queue_.front());
  queue_.pop_front();
  return event;
}

void Inbox::put_end(MachineExited exit) {
  const std::scoped_lock lock(mutex_);
  queue_.emplace_back(std::move(exit));
  end_told_ = true;
}

void Inbox::put(Event event) {
  const std::scoped_lock lock(mutex_);
  queue_.push_back(std::move(event));
}

std::optional<ConsoleLine> Inbox::take_partial() {
  const std::scoped_lock lock(mutex_);
  auto partial = console_lines_.take_partial();
  if (!partial) return std::nullopt;
  return ConsoleLine{std::move(*partial), false};
}

void Inbox::expect_streams(int count) {
  const std::scoped_lock lock(mutex_);
  open_streams_ += count;
}

bool Inbox::everything_heard() const {
  const std::scoped_lock lock(mutex_);
  return heard();
}

bool Inbox::streams_ended() const {
  const std::scoped_lock lock(mutex_);
  return open_streams_ <= 0;
}

std::uint64_t Inbox::console_bytes() const {
  const std::scoped_lock lock(mutex_);
  return console_bytes_;
}

bool Inbox::failed() const {
  const std::scoped_lock lock(mutex_);
  return failed_;
}

std::string Inbox::migration_status() const {
  const std::scoped_lock lock(mutex_);
  return migration_status_;
}

void Inbox::forget_migration() {
  const std::scoped_lock lock(mutex_);
  migration_status_.clear();
}

bool Inbox::await_migration(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [&] {
    return domain_ended_ || migration_status_ == "completed" || migration_status_ == "failed";
  });
}

}  // namespace crashpath::libvirt
