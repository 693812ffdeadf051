#pragma once

#include <string_view>

namespace crashpath {

/// Whether a kernel's config (text of its .config file) has this option built in or as a module.
bool kernel_has_option(std::string_view config, std::string_view option);

}  // namespace crashpath
