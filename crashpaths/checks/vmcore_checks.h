#pragma once

// The checks named vmcore.*, each in a file of its own or with its twin.

#include "harness/trial/check.h"

namespace crashpath {

Check vmcore_format_check();
Check vmcore_segments_check();
Check vmcore_vmcoreinfo_check();
Check vmcore_dmesg_check();
Check vmcore_crash_cpu_check();
Check vmcore_prstatus_check();
Check vmcore_pages_match_memory_check();

}  // namespace crashpath
