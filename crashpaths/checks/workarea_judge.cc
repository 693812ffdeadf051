#include "crashpaths/checks/workarea_judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "crashpaths/checks/guest_facts.h"

namespace crashpath {
namespace {

/// The first few names, and how many more.
std::string names(const std::vector<std::string>& all) {
  constexpr std::size_t kShown = 6;
  const auto shown = std::min(all.size(), kShown);
  std::string text =
      fmt::format("{}", fmt::join(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (all.size() > shown) text += fmt::format(" and {} more", all.size() - shown);
  return text;
}

}  // namespace

CheckResult judge_served(const WorkAreaLog& log, std::string_view file) {
  const std::string expected =
      "every request for a work area was served or still waits, and no area was given to two";
  const auto waiting = log.waiting();
  const auto refused = std::count_if(log.requests.begin(), log.requests.end(),
                                     [](const WorkAreaRequest& request) { return request.refused; });
  std::string got = fmt::format("{} requests, {} served, {} waiting at the crash, at most {} areas at once",
                                log.requests.size(),
                                log.requests.size() - waiting.size() - static_cast<std::size_t>(refused),
                                waiting.size(), log.most_held);
  if (refused != 0) got += fmt::format(", {} answered with NULL", refused);
  // Of an event that is not in the log two others may seem to speak.
  const bool contradicted = log.contradictions.size() > log.missing.size();
  if (contradicted) got += "; " + log.contradictions.front();
  return refused == 0 && !contradicted ? CheckResult::pass(expected, got, file)
                                       : CheckResult::fail(expected, got, file);
}

CheckResult judge_fair(const WorkAreaLog& log, std::int64_t most, std::string_view file) {
  const std::string expected = fmt::format(
      "first come, first served, but for the {} later requests that may take the turn of each that waits",
      most);
  // How many times more than it had to wait for anyway.
  const auto share = [](const WorkAreaRequest& request) {
    return static_cast<double>(request.overtaken) / static_cast<double>(1 + request.ahead);
  };
  const auto worst = std::max_element(
      log.requests.begin(), log.requests.end(),
      [&](const WorkAreaRequest& a, const WorkAreaRequest& b) { return share(a) < share(b); });
  if (worst == log.requests.end()) return CheckResult::fail(expected, "no requests", file);
  const auto overtaken = std::count_if(log.requests.begin(), log.requests.end(),
                                       [](const WorkAreaRequest& request) { return request.overtaken > 0; });
  std::string got = fmt::format("of {} requests {} were overtaken", log.requests.size(), overtaken);
  if (worst->overtaken > 0)
    got += fmt::format(", most of all the one for {} bytes by {} (event {}): {} times, with {} before it{}",
                       worst->size, worst->task, worst->ask, worst->overtaken, worst->ahead,
                       worst->got == 0 ? ", and it still waits" : "");
  return share(*worst) <= static_cast<double>(most) ? CheckResult::pass(expected, got, file)
                                                    : CheckResult::fail(expected, got, file);
}

CheckResult judge_pool(const WorkAreaLog& log, const WorkAreaPool& pool, bool idle, std::string_view file) {
  const std::string expected = idle ? "the pool is full again: no area is held, and none has leaked"
                                    : "what the pool has given out is what was asked for and not given back";
  std::vector<Range> held;
  std::vector<std::string> holders;
  for (const auto& [address, holder] : log.held) {
    const std::uint64_t granules = (holder.size + pool.granule - 1) / pool.granule;
    held.push_back({address, saturated_sum(address, granules * pool.granule)});
    holders.push_back(fmt::format("{} has {} bytes at {:#x}", holder.task, holder.size, address));
  }
  held = normalized(std::move(held));
  const auto in_flight = idle ? std::vector<Range>() : whole_pages(log.in_flight, 4096);
  const auto leaked = subtract(subtract(pool.used, held), in_flight);
  const auto lost = subtract(subtract(held, pool.used), in_flight);
  std::string got = fmt::format("{} of {} given out, {} areas held", human_size(total_size(pool.used)),
                                human_size(total_size(normalized(pool.arena))), log.held.size());
  if (!holders.empty()) got += ": " + names(holders);
  if (!leaked.empty()) got += "; given out, but nobody has it: " + to_string(leaked);
  if (!lost.empty()) got += "; held, but free for the pool: " + to_string(lost);
  const bool right = leaked.empty() && lost.empty() && (!idle || (held.empty() && pool.used.empty()));
  return right ? CheckResult::pass(expected, got, file) : CheckResult::fail(expected, got, file);
}

CheckResult judge_arena(const WorkAreaPool& pool, std::uint64_t limit, std::string_view file) {
  const std::string expected = fmt::format(
      "the arena of 256 KiB lies below {:#x}, the end of what RTAS can reach, at the beginning of a page",
      limit);
  constexpr std::uint64_t kSize = 256 << 10, kPage = 4096;
  std::string got = to_string(pool.arena);
  bool right = pool.arena.size() == 1 && total_size(pool.arena) == kSize;
  for (const Range& part : pool.arena) {
    if (part.begin % kPage != 0) got += fmt::format("; {:#x} is not at the beginning of a page", part.begin);
    if (part.end > limit) got += fmt::format("; {} is out of RTAS' reach", to_string(part));
    right = right && part.begin % kPage == 0 && part.end <= limit;
  }
  return right ? CheckResult::pass(expected, got, file) : CheckResult::fail(expected, got, file);
}

/// The queue of the dump is the kernel's own (the mutex' list of waiters); who arrived and was not served,
/// the probe's.
CheckResult judge_waiters(const WorkAreaLog& log, const WorkAreaPool& pool, std::int64_t least,
                          std::size_t cpus, std::string_view file) {
  const std::string expected = fmt::format(
      "at the crash at least {} requests wait, and those that the probe saw arrive are the ones in the queue",
      least);
  std::set<std::string> asked, queued;
  for (const WorkAreaRequest* request : log.waiting()) asked.insert(request->task);
  if (pool.first) queued.insert(pool.first->name);
  for (const WorkAreaTask& task : pool.queue) queued.insert(task.name);
  std::vector<std::string> unasked, unqueued, queue;
  std::set_difference(queued.begin(), queued.end(), asked.begin(), asked.end(), std::back_inserter(unasked));
  std::set_difference(asked.begin(), asked.end(), queued.begin(), queued.end(), std::back_inserter(unqueued));
  for (const WorkAreaTask& task : pool.queue) queue.push_back(task.name);
  std::string got = fmt::format("{} wait", log.waiting().size());
  if (pool.first) got += fmt::format("; the next is {}", pool.first->name);
  if (!queue.empty()) got += ", behind it " + names(queue);
  if (!unqueued.empty()) got += "; arrived, but not in the queue: " + names(unqueued);
  if (!unasked.empty()) got += "; in the queue, but did not arrive: " + names(unasked);
  // On each CPU one may have been between the two.
  const std::size_t between = 2 * cpus + log.missing.size();
  const bool right = std::ssize(log.waiting()) >= least && unasked.size() + unqueued.size() <= between;
  return right ? CheckResult::pass(expected, got, file) : CheckResult::fail(expected, got, file);
}

CheckResult judge_data_buffer(const std::string& dmesg, std::string_view file) {
  const std::string expected =
      "who has rtas_data_buf has it alone; each read is answered, or given up because firmware is busy";
  static const std::regex figures(
      R"(rtas_data_buf: ((\d{1,9}) reads by \d{1,9} tasks: (\d{1,9}) answered, (\d{1,9}) given up when busy, )"
      R"((\d{1,9}) failed, (\d{1,9}) spoiled by others[^\n]{0,100}))");
  std::smatch found;
  if (!std::regex_search(dmesg, found, figures))
    return CheckResult::fail(expected, "the probe rtas_data_buf said no figures", file);
  const auto number = [&found](std::size_t group) { return std::stoll(found[group].str()); };
  const bool all = number(3) + number(4) == number(2) && number(5) == 0;
  const bool good = all && number(3) > 0 && number(6) == 0;
  return good ? CheckResult::pass(expected, found[1].str(), file)
              : CheckResult::fail(expected, found[1].str(), file);
}

CheckResult judge_data_buffer_at_crash(const std::string& dmesg, std::string_view file) {
  const std::string expected = "somebody has rtas_data_buf at the crash";
  static const std::regex line(R"(rtas_data_buf: at the crash ([^\n]{1,200}))");
  std::smatch found;
  if (!std::regex_search(dmesg, found, line))
    return CheckResult::fail(expected, "the probe rtas_data_buf did not say who", file);
  const std::string got = found[1].str();
  return got.find(" has the buffer, ") != std::string::npos ? CheckResult::pass(expected, got, file)
                                                            : CheckResult::fail(expected, got, file);
}

}  // namespace crashpath
