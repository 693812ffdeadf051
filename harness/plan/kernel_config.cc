#include "harness/plan/kernel_config.h"

namespace crashpath {

bool kernel_has_option(std::string_view config, std::string_view option) {
  while (!config.empty()) {
    const std::string_view line = config.substr(0, config.find('\n'));
    config.remove_prefix(std::min(line.size() + 1, config.size()));
    if (!line.starts_with(option)) continue;
    const auto value = line.substr(option.size());
    if (value == "=y" || value == "=m") return true;
  }
  return false;
}

}  // namespace crashpath
