#include "harness/evidence/cpu_list.h"

#include <fmt/format.h>

#include <charconv>

namespace crashpath {

Result<std::vector<int>> parse_cpu_list(std::string_view text) {
  constexpr int kMaxCpus = 8192;
  std::vector<int> cpus;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto refused = [text] { return Error::guest(fmt::format("'{}' is no list of CPUs", text)); };
  while (at != end && *at != '\n') {
    int first = 0;
    auto number = std::from_chars(at, end, first);
    int last = first;
    if (number.ec == std::errc() && number.ptr != end && *number.ptr == '-')
      number = std::from_chars(number.ptr + 1, end, last);
    if (number.ec != std::errc() || first < 0 || last < first || last >= kMaxCpus) return refused();
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    at = number.ptr;
    if (at != end && *at == ',')
      ++at;
    else if (at != end && *at != '\n')
      return refused();
  }
  if (cpus.empty()) return refused();
  return cpus;
}

}  // namespace crashpath
