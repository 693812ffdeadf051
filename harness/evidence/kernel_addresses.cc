#include "harness/evidence/kernel_addresses.h"

#include <fmt/format.h>

#include <algorithm>

namespace crashpath {
namespace {

/// The image is at most this far from _stext (arch/arm64 refuses larger ones:
/// Documentation/arch/arm64/booting.rst).
constexpr std::uint64_t kImageReach = 512ULL << 20;

Result<std::uint64_t> required_number(const Vmcoreinfo& vmcoreinfo, std::string_view key) {
  const auto number = vmcoreinfo.number(key);
  if (!number)
    return Error::guest(fmt::format("VMCOREINFO has no {}, without which no address can be read", key));
  return *number;
}

Error not_mapped(std::uint64_t address) {
  return Error::guest(fmt::format("{:#x} is neither in the linear map nor in the kernel image", address));
}

/// arch/arm64/include/asm/memory.h: the linear map begins at -(1 << VA_BITS) and ends where the lower of the
/// two possible sizes puts it. On a CPU without 52 bits the kernel makes up for it in PHYS_OFFSET
/// (arm64_memblock_init), so the arithmetic modulo 2^64 is the same.
Result<std::uint64_t> arm64_to_physical(const Vmcoreinfo& vmcoreinfo, std::uint64_t address) {
  const std::uint64_t bits = CP_TRY(required_number(vmcoreinfo, "NUMBER(VA_BITS)"));
  if (bits < 36 || bits > 52) return Error::guest(fmt::format("VMCOREINFO: VA_BITS {} cannot be", bits));
  const std::uint64_t linear_begin = 0 - (1ULL << bits);
  const std::uint64_t linear_end = 0 - (1ULL << (std::min<std::uint64_t>(bits, 48) - 1));
  if (address >= linear_begin && address < linear_end)
    return address - linear_begin + CP_TRY(required_number(vmcoreinfo, "NUMBER(PHYS_OFFSET)"));
  const std::uint64_t text = CP_TRY(required_number(vmcoreinfo, "SYMBOL(_stext)"));
  if (address - text + kImageReach < 2 * kImageReach)
    return address - CP_TRY(required_number(vmcoreinfo, "NUMBER(kimage_voffset)"));
  return not_mapped(address);
}

/// arch/powerpc/include/asm/book3s/64: the linear map, which holds the image too, begins at
/// 0xc000000000000000, vmalloc not below 0xc008000000000000.
Result<std::uint64_t> ppc64_to_physical(std::uint64_t address) {
  constexpr std::uint64_t kBegin = 0xc000000000000000, kEnd = 0xc008000000000000;
  if (address < kBegin || address >= kEnd) return not_mapped(address);
  return address - kBegin;
}

}  // namespace

Result<std::uint64_t> kernel_to_physical(std::string_view architecture, const Vmcoreinfo& vmcoreinfo,
                                         std::uint64_t address) {
  if (architecture == "aarch64") return arm64_to_physical(vmcoreinfo, address);
  if (architecture == "ppc64") return ppc64_to_physical(address);
  return Error::guest(
      fmt::format("a dump of architecture '{}', which crashpath does not know", architecture));
}

}  // namespace crashpath
