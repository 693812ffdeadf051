#pragma once

// What a scenario may need of its guest: the words of `needs = [...]`.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace crashpath {

struct Need {
  enum class Kind {
    cpus,            ///< "cpus>=4"
    memory_mib,      ///< "memory>=2048", in MiB
    kernel_version,  ///< "linux>=5.17"
    kernel_config,   ///< "kernel:CONFIG_X": built in or a module
    probe,           ///< "probe:NAME": a probe module built for this kernel
    machine,         ///< "machine:NAME", one of machine_needs()
  };
  Kind kind = Kind::machine;
  int least = 0;     ///< cpus, memory_mib; kernel_version: what version_number() makes of it
  std::string name;  ///< the others
};

/// What may stand behind "machine:": "nmi", "uefi", "acpi", "its", "gicv3", "xics", "xive".
const std::vector<std::string_view>& machine_needs();

/// 5017 of "5.17" and of "5.17.0-1-arm64": 1000 times the first number, and the second one. Nothing of what
/// does not begin with two numbers below 1000.
std::optional<int> version_number(std::string_view release);

/// A usage error (without file and line) that says what is possible.
Result<Need> parse_need(std::string_view text);

}  // namespace crashpath
