#pragma once

// The kernel's log as a dump's memory holds it: the printk ring buffer of 5.10 and later
// (kernel/printk/printk_ringbuffer.c), found through VMCOREINFO.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "harness/base/result.h"
#include "harness/evidence/vmcoreinfo.h"

namespace crashpath {

/// Reads kernel virtual memory.
using KernelMemory = std::function<Result<>(std::uint64_t address, std::span<std::byte> into)>;

/// Every record that was committed, oldest first, as dmesg(1) prints them: "[    0.000000] text", with the
/// time stamp on every line of a record. The memory is a crashed kernel's: whatever it holds, this ends,
/// reads no more than the ring has, and gives an error where the ring contradicts itself. Little-endian
/// kernels only.
Result<std::string> read_printk_ringbuffer(const Vmcoreinfo& vmcoreinfo, const KernelMemory& memory);

}  // namespace crashpath
