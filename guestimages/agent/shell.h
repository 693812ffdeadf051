#pragma once

#include <string>
#include <vector>

namespace crashpath {

/// Gives the console to a shell in place of serving the host, and turns the machine off when it ends.
/// `problems` are those of set_up_system().
[[noreturn]] void serve_shell(bool second, const std::vector<std::string>& problems);

}  // namespace crashpath
