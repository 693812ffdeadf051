#include "guestimages/agent/tracing.h"

#include <fnmatch.h>

#include <algorithm>
#include <charconv>
#include <functional>

#include "guestimages/agent/text.h"

namespace crashpath {
namespace {

/// Stands in available_filter_functions for a weak function that was left out of the kernel
/// (kernel/trace/ftrace.c, FTRACE_INVALID_FUNCTION).
constexpr std::string_view no_function = "__ftrace_invalid_address__";

void for_each_line(std::string_view text, const std::function<void(std::string_view)>& use) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    use(line);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

std::string_view trim(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return trim_end(text);
}

}  // namespace

TraceableFunction parse_traceable_function(std::string_view line) {
  line = trim(line);
  if (line.starts_with(no_function)) return {};
  const std::size_t end = line.find(' ');
  TraceableFunction function{std::string(line.substr(0, end)), {}};
  const std::size_t open = line.find('[');
  if (open != line.npos && line.ends_with(']'))
    function.module = line.substr(open + 1, line.size() - open - 2);
  return function;
}

bool is_wanted(const TraceableFunction& function, const std::vector<std::string>& globs) {
  const std::string symbol = function.symbol();
  return globs.empty() || std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
           return ::fnmatch(glob.c_str(), function.name.c_str(), 0) == 0 ||
                  ::fnmatch(glob.c_str(), symbol.c_str(), 0) == 0;
         });
}

std::vector<std::string> list_functions(std::string_view available, const std::vector<std::string>& globs) {
  std::set<std::string> seen;
  std::vector<std::string> symbols;
  for_each_line(available, [&](std::string_view line) {
    const TraceableFunction function = parse_traceable_function(line);
    if (!function.name.empty() && is_wanted(function, globs) && seen.insert(function.symbol()).second)
      symbols.push_back(function.symbol());
  });
  return symbols;
}

void FirstHits::add_line(std::string_view line) {
  line = trim(line);
  if (line.empty() || line.starts_with('#') || seen_.contains(line)) return;
  names_.emplace_back(line);
  seen_.emplace(line);
}

std::vector<std::string> symbols_of(const std::vector<std::string>& names, std::string_view available,
                                    const std::vector<std::string>& globs) {
  std::map<std::string, TraceableFunction, std::less<>> functions;
  for_each_line(available, [&](std::string_view line) {
    TraceableFunction function = parse_traceable_function(line);
    std::string name = function.name;
    functions.try_emplace(std::move(name), std::move(function));
  });
  std::vector<std::string> symbols;
  for (const std::string& name : names) {
    const auto found = functions.find(name);
    if (!name.empty() && found != functions.end() && is_wanted(found->second, globs))
      symbols.push_back(found->second.symbol());
  }
  return symbols;
}

std::vector<std::string> ambiguous_of(const std::vector<std::string>& symbols, std::string_view available) {
  std::map<std::string, int, std::less<>> times;
  for_each_line(available,
                [&times](std::string_view line) { ++times[parse_traceable_function(line).symbol()]; });
  std::vector<std::string> ambiguous;
  for (const std::string& symbol : symbols)
    if (times[symbol] > 1) ambiguous.push_back(symbol);
  return ambiguous;
}

std::uint64_t lost_events(std::string_view stats) {
  std::uint64_t lost = 0;
  for_each_line(stats, [&lost](std::string_view line) {
    const std::size_t colon = line.find(": ");
    const std::string_view name = line.substr(0, colon);
    if (colon == line.npos || (name != "overrun" && name != "commit overrun" && name != "dropped events"))
      return;
    std::uint64_t count = 0;
    std::from_chars(line.data() + colon + 2, line.data() + line.size(), count);
    lost += count;
  });
  return lost;
}

}  // namespace crashpath
