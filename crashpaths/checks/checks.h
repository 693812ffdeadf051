#pragma once

#include "harness/trial/check.h"

namespace crashpath {

void register_second_kernel_checks(CheckRegistry& registry);
void register_vmcore_checks(CheckRegistry& registry);
/// All of the above, in the order in which reports list them.
void register_crashpath_checks(CheckRegistry& registry);

}  // namespace crashpath
