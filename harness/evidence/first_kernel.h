#pragma once

// The kernel under test in somebody's copy of the guest's memory.

#include <memory>
#include <string>
#include <string_view>

#include "harness/base/result.h"
#include "harness/evidence/evidence.h"
#include "harness/evidence/kernel_state.h"

namespace crashpath {

/// With the symbols that the first kernel's agent reported. `memory` and `evidence` must outlive it.
std::unique_ptr<const KernelState> first_kernel_in(const PhysicalMemory& memory, std::string architecture,
                                                   Vmcoreinfo vmcoreinfo, const Evidence& evidence);

/// What KernelState calls the trial's architecture: "aarch64", "ppc64".
Result<std::string> kernel_architecture(const Evidence& evidence);

/// VMCOREINFO as it lies in the memory of a kernel that runs, or ran: `where` is the text of
/// /sys/kernel/vmcoreinfo, "ADDRESS SIZE" of the ELF note (kernel/ksysfs.c vmcoreinfo_show), both
/// hexadecimal.
Result<Vmcoreinfo> read_vmcoreinfo_note(const PhysicalMemory& memory, std::string_view where);

}  // namespace crashpath
