#pragma once

// The states that a CPU goes through on its way up and down.

#include <string>
#include <string_view>
#include <vector>

namespace crashpath {

struct HotplugState {
  int number = 0;  ///< enum cpuhp_state (include/linux/cpuhotplug.h); dynamic ones differ from boot to boot
  std::string name;

  bool operator==(const HotplugState&) const = default;
};

/// The text of /sys/devices/system/cpu/hotplug/states, "NUMBER: NAME" a line (kernel/cpu.c states_show).
/// Lines that are not so are left out.
std::vector<HotplugState> parse_hotplug_states(std::string_view text);

}  // namespace crashpath
