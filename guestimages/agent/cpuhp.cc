// The command `cpuhp.states`.

#include "guestimages/agent/cpuhp.h"

#include <algorithm>
#include <charconv>

#include "guestimages/agent/commands.h"
#include "guestimages/agent/text.h"
#include "harness/base/file.h"

namespace crashpath {

std::vector<HotplugState> parse_hotplug_states(std::string_view text) {
  std::vector<HotplugState> states;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    HotplugState state;
    const auto number = std::from_chars(line.data(), line.data() + line.size(), state.number);
    line.remove_prefix(static_cast<std::size_t>(number.ptr - line.data()));
    if (number.ec != std::errc() || !line.starts_with(": ")) continue;
    state.name = to_utf8(trim_end(line.substr(2)));
    states.push_back(std::move(state));
  }
  return states;
}

Result<Answer> list_cpuhp_states(Session&, const boost::json::value&, Arguments arguments) {
  CP_TRY(arguments.nothing_else());
  boost::json::array states;
  for (const HotplugState& state :
       parse_hotplug_states(CP_TRY(read_file("/sys/devices/system/cpu/hotplug/states"))))
    states.push_back({{"number", state.number}, {"name", state.name}});
  Answer answer;
  answer.data["states"] = std::move(states);
  return answer;
}

}  // namespace crashpath
