#pragma once

// VMCOREINFO: what a kernel tells dump tools about itself, one KEY=VALUE a line
// (Documentation/admin-guide/kdump/vmcoreinfo.rst). A crashed kernel wrote it: nothing in it is to be relied
// on.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace crashpath {

class Vmcoreinfo {
 public:
  Vmcoreinfo() = default;
  /// Lines without "=" are left out; of two lines with one key the last counts.
  explicit Vmcoreinfo(std::string text);

  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }

  /// Value of a line KEY=VALUE, such as "OSRELEASE" or "BUILD-ID".
  std::optional<std::string> value(std::string_view key) const;
  /// Value of SYMBOL(x) and KERNELOFFSET, hexadecimal without prefix; of OFFSET(x), SIZE(x), LENGTH(x),
  /// NUMBER(x) and PAGESIZE, decimal or with 0x. A negative NUMBER is given as its two's complement.
  std::optional<std::uint64_t> number(std::string_view key) const;

 private:
  std::string text_;
  std::map<std::string, std::string, std::less<>> values_;
};

/// The ELF notes named VMCOREINFO that lie in this memory, each of a kernel that runs there or ran
/// (update_vmcoreinfo_note(), kernel/vmcore_info.c). Only those that begin as a kernel's does.
std::vector<Vmcoreinfo> find_vmcoreinfo_notes(std::span<const std::byte> memory);

}  // namespace crashpath
