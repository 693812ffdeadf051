#pragma once

// What the checks workarea.* make of what the probe work_area said and of the allocator in the dump. `file`
// is the evidence that they name.

#include <cstdint>
#include <string>
#include <string_view>

#include "crashpaths/checks/workarea_dump.h"
#include "crashpaths/checks/workarea_log.h"
#include "harness/trial/check.h"

namespace crashpath {

/// No request was refused, and no area given to two.
CheckResult judge_served(const WorkAreaLog& log, std::string_view file);
/// First come, first served, but for `most` later ones for each request that waits before one, and itself.
CheckResult judge_fair(const WorkAreaLog& log, std::int64_t most, std::string_view file);
/// What the probe saw being given out and not given back, against the pool's own map of what is free. `idle`:
/// that is nothing.
CheckResult judge_pool(const WorkAreaLog& log, const WorkAreaPool& pool, bool idle, std::string_view file);
/// `limit`: physical addresses that RTAS reaches are below.
CheckResult judge_arena(const WorkAreaPool& pool, std::uint64_t limit, std::string_view file);
/// The queue of the dump is the kernel's own (the mutex' list of waiters); who arrived and was not served,
/// the probe's. On each of the `cpus` one may be between the two.
CheckResult judge_waiters(const WorkAreaLog& log, const WorkAreaPool& pool, std::int64_t least,
                          std::size_t cpus, std::string_view file);
/// What the probe rtas_data_buf says in the kernel's log of those that share rtas_data_buf: nobody found what
/// another had left there, and each read was answered, or given up because firmware was busy.
CheckResult judge_data_buffer(const std::string& dmesg, std::string_view file);
/// Who had rtas_data_buf at the crash, of which the probe says so.
CheckResult judge_data_buffer_at_crash(const std::string& dmesg, std::string_view file);

}  // namespace crashpath
