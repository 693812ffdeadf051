#pragma once

// What libvirt's event loop hears of a domain, until the domain's own thread asks for it.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "harness/console/line_splitter.h"
#include "harness/machine/machine.h"

namespace crashpath::libvirt {

/// Filled by the event loop's thread, emptied by the machine's.
class Inbox {
 public:
  void console(std::string_view bytes);
  void agent(std::string_view bytes);
  void stream_ended();
  /// An event of QEMU's monitor; `data` is a JSON object, or empty.
  void monitor_event(std::string_view name, std::string_view data);
  void domain_ended(bool failed);  ///< failed: QEMU ended without having been told to
  void interrupt();

  /// Waits for something; nothing when there is none until then, or when everything of a domain that ended
  /// was heard.
  std::optional<Event> take(Clock::time_point deadline);
  void put(Event event);
  void put_end(MachineExited exit);  ///< of everything; the last event
  /// What stands on the console without a line end.
  std::optional<ConsoleLine> take_partial();

  void expect_streams(int count);
  bool everything_heard() const;  ///< the domain has ended and so have its streams
  bool streams_ended() const;
  std::uint64_t console_bytes() const;
  bool failed() const;
  std::string migration_status() const;  ///< of the last MIGRATION event; "" when there was none
  void forget_migration();
  bool await_migration(Clock::time_point deadline);  ///< "completed" or "failed" came

 private:
  bool heard() const { return domain_ended_ && open_streams_ <= 0; }
  void take_lines(LineSplitter& splitter, std::string_view bytes, bool of_agent);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Event> queue_;
  LineSplitter console_lines_;
  LineSplitter agent_lines_{kMaxAgentLine};
  std::uint64_t console_bytes_ = 0;
  int open_streams_ = 0;
  bool domain_ended_ = false;
  bool failed_ = false;
  bool end_told_ = false;
  bool interrupted_ = false;
  bool shut_down_ = false;  ///< the guest or somebody ended the machine, and said so
  bool panicked_ = false;
  std::string migration_status_;
};

}  // namespace crashpath::libvirt
