#pragma once

// What the first process of a kernel has to do before anything else.

#include <string>
#include <string_view>
#include <vector>

namespace crashpath {

/// One line on /dev/console: "crashpath: TEXT". The console is the kernel's witness: only for what cannot be
/// told in another way, and for replays.
void say(std::string_view text);

/// Says why, and turns the machine off. Never returns: a kernel whose init ends panics, which would look like
/// a crash.
[[noreturn]] void give_up(std::string_view why);
[[noreturn]] void give_up_without_port(std::string_view why);
[[noreturn]] void turn_off();

/// Mounts, kernel settings, modules of /crashpath/modules. What did not work, one line each.
std::vector<std::string> set_up_system();

}  // namespace crashpath
