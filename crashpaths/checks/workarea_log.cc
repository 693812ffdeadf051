#include "crashpaths/checks/workarea_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "harness/base/text.h"
#include "harness/evidence/vmcore.h"

namespace crashpath {
namespace {

/// Events at the end of the log of which it is open how far the kernel came with what they are of, and
/// numbers that may be missing: a few for each CPU.
constexpr int kInFlight = 16;

struct Event {
  enum class Kind { ask, got, free, null } kind = Kind::ask;
  std::uint64_t address = 0, size = 0;
  int ask = 0;  ///< of got and null
  std::string task;
  int pid = 0;
};

std::map<int, Event> events_in(const std::string& log) {
  static const std::regex line(
      R"(work_area: (\d{1,9}) (?:ask (\d{1,9}) by ([^\n]{1,15})/(\d{1,9})|got 0x([0-9a-f]{1,16}) (\d{1,9}) ask (\d{1,9})|free 0x([0-9a-f]{1,16}) (\d{1,9})|null ask (\d{1,9})))");
  std::map<int, Event> events;
  for (std::sregex_iterator found(log.begin(), log.end(), line), end; found != end; ++found) {
    const std::smatch& part = *found;
    Event event;
    if (part[2].matched) {
      event.kind = Event::Kind::ask;
      event.size = number_in<std::uint64_t>(part[2].str());
      event.task = fmt::format("{}/{}", part[3].str(), part[4].str());
      event.pid = number_in<int>(part[4].str());
    } else if (part[5].matched) {
      event.kind = Event::Kind::got;
      event.address = number_in<std::uint64_t>(part[5].str(), 16);
      event.size = number_in<std::uint64_t>(part[6].str());
      event.ask = number_in<int>(part[7].str());
    } else if (part[8].matched) {
      event.kind = Event::Kind::free;
      event.address = number_in<std::uint64_t>(part[8].str(), 16);
      event.size = number_in<std::uint64_t>(part[9].str());
    } else {
      event.kind = Event::Kind::null;
      event.ask = number_in<int>(part[10].str());
    }
    events[number_in<int>(part[1].str())] = std::move(event);
  }
  return events;
}

/// Follows the events in their order.
class Account {
 public:
  void take(int number, const Event& event) {
    switch (event.kind) {
      case Event::Kind::ask:
        index_[number] = log_.requests.size();
        log_.requests.push_back({.ask = number,
                                 .size = event.size,
                                 .task = event.task,
                                 .pid = event.pid,
                                 .ahead = waiting_.size()});
        waiting_.insert(index_.at(number));
        return;
      case Event::Kind::got:
        return serve(number, event);
      case Event::Kind::free:
        return free(number, event);
      case Event::Kind::null:
        if (const auto found = index_.find(event.ask); found != index_.end()) {
          log_.requests.at(found->second).refused = true;
          waiting_.erase(found->second);
        }
        return;
    }
  }
  WorkAreaLog finish() { return std::move(log_); }

 private:
  void serve(int number, const Event& event) {
    WorkAreaHolder holder{.size = event.size, .task = "?"};
    if (const auto found = index_.find(event.ask); found != index_.end()) {
      WorkAreaRequest& request = log_.requests.at(found->second);
      request.got = number;
      holder.task = request.task;
      waiting_.erase(found->second);
      // Whoever came earlier and still waits was overtaken.
      for (auto earlier = waiting_.begin(); earlier != waiting_.end() && *earlier < found->second; ++earlier)
        ++log_.requests.at(*earlier).overtaken;
    }
    const Range area{event.address, event.address + event.size};
    for (const auto& [address, other] : log_.held)
      if (area.overlaps({address, address + other.size}))
        log_.contradictions.push_back(fmt::format("event {}: {} is given to {} while {} has {}", number,
                                                  to_string(area), holder.task, other.task,
                                                  to_string(Range{address, address + other.size})));
    log_.held[event.address] = std::move(holder);
    log_.most_held = std::max(log_.most_held, log_.held.size());
  }
  void free(int number, const Event& event) {
    if (log_.held.erase(event.address) == 0)
      log_.contradictions.push_back(
          fmt::format("event {}: {:#x} is given back, which nobody had", number, event.address));
  }

  WorkAreaLog log_;
  std::map<int, std::size_t> index_;  ///< of a request, by its number
  std::set<std::size_t> waiting_;
};

void take_remarks(const std::string& log, WorkAreaLog& parsed) {
  static const std::regex limit(R"(work_area: limit 0x([0-9a-f]{1,16}))");
  static const std::regex leaked(R"(work_area: leaked 0x([0-9a-f]{1,16}) (\d{1,9}))");
  if (std::smatch found; std::regex_search(log, found, limit))
    parsed.limit = number_in<std::uint64_t>(found[1].str(), 16);
  for (std::sregex_iterator found(log.begin(), log.end(), leaked), end; found != end; ++found) {
    const auto begin = number_in<std::uint64_t>((*found)[1].str(), 16);
    parsed.leaked.push_back({begin, begin + number_in<std::uint64_t>((*found)[2].str())});
  }
}

}  // namespace

std::vector<const WorkAreaRequest*> WorkAreaLog::waiting() const {
  std::vector<const WorkAreaRequest*> all;
  for (const auto& request : requests)
    if (request.got == 0 && !request.refused) all.push_back(&request);
  return all;
}

Result<WorkAreaLog> parse_work_area_log(std::string_view dmesg) {
  const std::string text(dmesg);
  const std::map<int, Event> events = events_in(text);
  if (events.empty()) return Error::guest("the dump's log has no word of the probe work_area");
  Account account;
  for (const auto& [number, event] : events) account.take(number, event);
  WorkAreaLog log = account.finish();
  const int last = events.rbegin()->first;
  if (static_cast<std::size_t>(last) > events.size() + kInFlight)
    return Error::guest(
               fmt::format("of {} events of the probe work_area the log has {}", last, events.size()))
        .with_hint("boot with a larger log_buf_len=");
  for (int number = 1; number <= last; ++number)
    if (!events.contains(number)) log.missing.insert(number);
  for (const auto& [number, event] : events)
    if (number > last - kInFlight && event.size != 0 && event.address != 0)
      log.in_flight.push_back({event.address, event.address + event.size});
  take_remarks(text, log);
  return log;
}

Result<WorkAreaLog> read_work_area_log(const Evidence& evidence) {
  return parse_work_area_log(CP_TRY(CP_TRY(evidence.vmcore())->dmesg()));
}

}  // namespace crashpath
