#pragma once

// From kernel virtual to physical addresses by arithmetic alone: the linear map and the kernel image. That is
// all that a kernel's statics and the memory it allocated early need; vmalloc is not covered.

#include <cstdint>
#include <string_view>

#include "harness/base/result.h"
#include "harness/evidence/vmcoreinfo.h"

namespace crashpath {

/// `architecture` is "aarch64" or "ppc64". A guest error when VMCOREINFO lacks what the translation needs or
/// the address is neither in the linear map nor in the kernel image.
Result<std::uint64_t> kernel_to_physical(std::string_view architecture, const Vmcoreinfo& vmcoreinfo,
                                         std::uint64_t address);

}  // namespace crashpath
