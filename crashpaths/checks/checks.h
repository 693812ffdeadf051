#pragma once

// The checks of the crash path itself: the second kernel and its dump. One file per family, one function per
// check.

#include "harness/trial/check.h"

namespace crashpath {

void register_second_kernel_checks(CheckRegistry& registry);  ///< second-kernel.*
void register_kernel_checks(CheckRegistry& registry);    ///< kernel.*: what both kernels say of themselves
void register_vmcore_checks(CheckRegistry& registry);    ///< vmcore.*
void register_memory_checks(CheckRegistry& registry);    ///< memory.*: the guest's memory between two moments
void register_vpa_checks(CheckRegistry& registry);       ///< vpa.*: pseries' virtual processor areas
void register_rtas_checks(CheckRegistry& registry);      ///< rtas.*: firmware calls of a pseries crash
void register_workarea_checks(CheckRegistry& registry);  ///< workarea.*: RTAS work areas of pseries
/// All of the above, in the order in which reports list them.
void register_crashpath_checks(CheckRegistry& registry);

}  // namespace crashpath
