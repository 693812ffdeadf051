#pragma once

// A crash dump (ELF or kdump compressed), read through libkdumpfile.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace crashpath {

/// Registers of one CPU out of its NT_PRSTATUS note.
struct CpuRegisters {
  std::int64_t pid = 0;  ///< task on that CPU when its note was saved (kernel/crash_core.c crash_save_cpu)
  std::map<std::string, std::uint64_t, std::less<>> values;  ///< by libkdumpfile's names: "pc", "sp", "nip", "gpr01", ...
  /// Program counter ("pc" on arm64, "nip" on ppc64).
  std::optional<std::uint64_t> pc() const;
};

class Vmcore {
 public:
  static Result<std::unique_ptr<Vmcore>> open(const std::filesystem::path& file);
  ~Vmcore();

  const std::string& format() const;        ///< libkdumpfile's file.format: "elf", "diskdump", ...
  const std::string& architecture() const;  ///< libkdumpfile's arch.name: "aarch64", "ppc64"
  std::uint64_t page_size() const;
  std::uint64_t max_pfn() const;

  const std::string& vmcoreinfo() const;  ///< its text
  /// Value of a line KEY=VALUE of VMCOREINFO.
  std::optional<std::string> vmcoreinfo(std::string_view key) const;
  /// SYMBOL(name), OFFSET(name), SIZE(name), NUMBER(name), LENGTH(name) of VMCOREINFO.
  std::optional<std::uint64_t> vmcoreinfo_number(std::string_view key) const;

  const std::vector<CpuRegisters>& cpus() const;  ///< one per PRSTATUS note, in the order of the notes

  /// Whether the dump holds this page (filtered dumps leave many out).
  bool has_page(std::uint64_t pfn) const;
  /// Reads physical memory. A guest error when a page of it is not in the dump.
  Result<> read_physical(std::uint64_t address, std::span<std::byte> into) const;
  /// Reads a kernel virtual address of the linear map or the kernel image (not vmalloc).
  Result<> read_virtual(std::uint64_t address, std::span<std::byte> into) const;
  Result<std::uint64_t> to_physical(std::uint64_t virtual_address) const;

  /// The kernel's log as the dump's own printk ring buffer holds it (kernel/printk/printk_ringbuffer.c), one record a
  /// line, with its time stamp as dmesg(1) prints it.
  Result<std::string> dmesg() const;

 private:
  Vmcore();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace crashpath
