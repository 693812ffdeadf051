#pragma once

// What several checks want to know of a guest, read out of a trial's evidence.

#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "harness/evidence/console_search.h"
#include "harness/evidence/evidence.h"
#include "harness/evidence/memory_owners.h"
#include "harness/trial/check.h"

namespace crashpath {

/// A usage error that names the parameter when it is no ECMAScript regular expression.
Result<std::regex> parse_pattern(std::string_view parameter, const std::string& pattern);

/// The lines of the last kernel that ran on the first kernel's console: behind the last "Linux version".
/// Chains of plain kexecs have several kernels there.
Result<std::vector<const RecordedLine*>> crashed_kernel_console(const Evidence& evidence);

/// CPUs online in the first kernel at its last report, from /sys/devices/system/cpu/online.
Result<std::vector<int>> online_cpus(const Evidence& evidence);
/// CPU numbers of a dump's PRSTATUS notes, which stand in the order of the CPUs (fs/proc/vmcore.c merges
/// them). As a rule those are the CPUs online; on pseries the crash's system reset also wakes those that were
/// taken offline, and they save their registers too. Empty when the number of notes fits neither.
Result<std::vector<int>> cpus_with_registers(const Evidence& evidence, std::size_t notes);
/// Why the host could not record one of these files, by the machine's limits: the reason to skip a check that
/// needs it. Empty when it could; a file may still be missing.
Result<std::string> not_recorded(const Evidence& evidence, const std::vector<std::string>& files);

/// The release that was to be booted: kernel.release of trial.json.
Result<std::string> asked_release(const Evidence& evidence);

/// "4 KiB", "1.5 GiB"
std::string human_size(std::uint64_t bytes);

}  // namespace crashpath
