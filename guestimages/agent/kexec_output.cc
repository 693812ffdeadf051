#include "guestimages/agent/kexec_output.h"

#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "guestimages/agent/text.h"

namespace crashpath {

// "segment[0].mem   = 0x60000000" and "segment[0].memsz = 0x2a20000", between lines with .buf and .bufsz.
boost::json::array parse_kexec_segments(std::string_view output) {
  std::map<unsigned, boost::json::object> segments;
  while (!output.empty()) {
    const std::string line(output.substr(0, output.find('\n')));
    output.remove_prefix(std::min(line.size() + 1, output.size()));
    unsigned number = 0;
    unsigned long long value = 0;
    if (std::sscanf(line.c_str(), "segment[%3u].memsz = %llx", &number, &value) == 2)
      segments[number]["memsz"] = fmt::format("{:#x}", value);
    else if (std::sscanf(line.c_str(), "segment[%3u].mem = %llx", &number, &value) == 2)
      segments[number]["mem"] = fmt::format("{:#x}", value);
  }
  boost::json::array result;
  for (auto& [number, segment] : segments) result.push_back(std::move(segment));
  return result;
}

std::string kexec_complaint(std::string_view errors) {
  constexpr std::size_t kLines = 3;
  std::vector<std::string_view> last;
  while (!errors.empty() && last.size() < kLines) {
    const std::size_t begin = errors.rfind('\n') + 1;  // 0 in the first line
    const std::string_view line = trim_end(errors.substr(begin));
    if (!line.empty()) last.insert(last.begin(), line);
    errors = errors.substr(0, begin == 0 ? 0 : begin - 1);
  }
  return fmt::format("{}", fmt::join(last, "; "));
}

}  // namespace crashpath
