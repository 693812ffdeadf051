#pragma once

// What QEMU's human monitor prints, which is the only way to a vCPU's registers and to memory as a vCPU sees
// it while it runs. Read as if anybody had written it.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/machine/machine.h"

namespace crashpath {

/// "info registers -a" (target/arm/cpu.c, aarch64_cpu_dump_state(); target/ppc/cpu_init.c,
/// ppc_cpu_dump_state()). A host error when there is no CPU in it.
Result<std::vector<VcpuRegisters>> parse_registers(std::string_view text);

/// "x /NNNxb ADDRESS" (monitor/misc.c, memory_dump()): exactly `bytes` of them, or an error of fault `guest`
/// when there is less.
Result<std::string> parse_memory_dump(std::string_view text, std::size_t bytes);

/// "info pic": whether a pseries' vCPU has an external interrupt that it did not take yet: XIVE's OS ring
/// with a notification (hw/intc/xive.c, xive_tctx_pic_print_info(): NSR), or XICS' presenter with a source
/// (hw/intc/xics.c, icp_pic_print_info(): the lower 24 bits of XIRR). False for a text without such lines.
bool has_pending_interrupt(std::string_view text);

}  // namespace crashpath
