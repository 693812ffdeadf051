#include "harness/evidence/first_kernel.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "harness/evidence/core_headers.h"

namespace crashpath {
namespace {

/// A page of up to 64 KiB and the note's two headers (VMCOREINFO_NOTE_SIZE), with room.
constexpr std::uint64_t kMaxNote = 1 << 20;

std::optional<std::uint64_t> take_hexadecimal(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size()));
  if (text.starts_with("0x")) text.remove_prefix(2);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

}  // namespace

std::unique_ptr<const KernelState> first_kernel_in(const PhysicalMemory& memory, std::string architecture,
                                                   Vmcoreinfo vmcoreinfo, const Evidence& evidence) {
  return std::make_unique<const KernelState>(
      memory, std::move(architecture), std::move(vmcoreinfo),
      [&evidence](std::string_view name) { return evidence.guest_symbol(Kernel::first, name); });
}

Result<std::string> kernel_architecture(const Evidence& evidence) {
  const std::string name = CP_TRY(evidence.architecture());
  if (name == "arm64") return std::string("aarch64");
  if (name == "pseries") return std::string("ppc64");
  return Error::host(fmt::format("trial.json has an architecture '{}'", name));
}

Result<Vmcoreinfo> read_vmcoreinfo_note(const PhysicalMemory& memory, std::string_view where) {
  std::string_view rest = where;
  const auto address = take_hexadecimal(rest);
  const auto size = take_hexadecimal(rest);
  if (!address || !size || *size > kMaxNote)
    return Error::guest(fmt::format("/sys/kernel/vmcoreinfo has '{}'", where));
  std::string note(*size, '\0');
  CP_TRY(memory.read(*address, std::as_writable_bytes(std::span(note))));
  note.resize((note.find_last_not_of('\0') + 1 + 3) / 4 * 4);  // the rest of its room has no notes
  Vmcoreinfo vmcoreinfo = find_vmcoreinfo(CP_TRY(parse_notes(note)));
  if (vmcoreinfo.empty())
    return Error::guest(fmt::format("there is no VMCOREINFO at physical address {:#x}", *address));
  return vmcoreinfo;
}

}  // namespace crashpath
