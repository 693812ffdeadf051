#pragma once

// The checks named vpa.*, and what they share. docs/vpa.md says what is known of VPAs.

#include <map>
#include <string>
#include <vector>

#include "harness/evidence/evidence.h"
#include "harness/evidence/vpa.h"
#include "harness/trial/check.h"

namespace crashpath {

Check vpa_policy_check();
Check vpa_placement_check();
Check vpa_second_kernel_check();
Check vpa_lppaca_check();
Check vpa_only_yield_count_check();
Check vpa_complaints_check();

using AreasOfCpus = std::map<std::uint64_t, RegisteredAreas>;  ///< by the number of the virtual CPU

/// What was registered at a moment.
Result<AreasOfCpus> areas_at(const Evidence& evidence, Moment moment);
/// Why a check of VPAs that needs the devices at these moments is to be skipped: another architecture, or a
/// machine that could not record them. Empty when there is no such reason.
Result<std::string> no_vpas_because(const Evidence& evidence, const std::vector<Moment>& moments);
/// Whether the first kernel ended by a plain kexec: its memory is then the second one's, too.
Result<bool> is_plain_kexec(const Evidence& evidence);
/// Where the second kernel's own VPAs may be: the reservation and the first 64 KiB, which purgatory saved;
/// all of its RAM after a plain kexec.
Result<std::vector<Range>> second_kernels_memory(const Evidence& evidence);
/// Whether this vCPU's VPA at a later moment is one that the second kernel registered: the first kernel had
/// none there at `armed`, and it lies in `second` (of second_kernels_memory()).
bool is_second_kernels(const AreasOfCpus& armed, std::uint64_t cpu, const Range& vpa,
                       const std::vector<Range>& second);
/// What is wrong with where a VPA is, by the rules of PAPR and Linux; empty when nothing is.
std::string misplaced(const Range& vpa);
/// "CPU 0, 2"
std::string cpu_list(const std::vector<std::uint64_t>& cpus);

}  // namespace crashpath
