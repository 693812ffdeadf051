#pragma once

// A crash dump (ELF or kdump compressed), read through libkdumpfile.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/evidence/physical_memory.h"
#include "harness/evidence/vmcoreinfo.h"

namespace crashpath {

/// Registers of one CPU out of its NT_PRSTATUS note.
struct CpuRegisters {
  std::int64_t pid = 0;  ///< task on that CPU when its note was saved (kernel/crash_core.c crash_save_cpu)
  std::map<std::string, std::uint64_t, std::less<>>
      values;  ///< by libkdumpfile's names: "pc", "sp", "x0" (arm64), "r1" (ppc64)
  std::optional<std::uint64_t> pc() const;
};

class Vmcore final : public PhysicalMemory {
 public:
  /// A guest error, which says what libkdumpfile made of it, when the file is no dump, is damaged
  /// or (ELF) truncated. A truncated kdump can still open: its pages then cannot be read.
  static Result<std::unique_ptr<Vmcore>> open(const std::filesystem::path& file);
  ~Vmcore() override;

  const std::string& format() const;        ///< libkdumpfile's file.format: "elf", "diskdump", ...
  const std::string& architecture() const;  ///< libkdumpfile's arch.name: "aarch64", "ppc64"
  std::uint64_t page_size() const;
  std::uint64_t max_pfn() const;

  const Vmcoreinfo& vmcoreinfo() const;  ///< empty when the dump has none

  const std::vector<CpuRegisters>& cpus() const;  ///< one per PRSTATUS note, in the order of the notes

  /// Whether the dump holds this page (filtered dumps leave many out).
  bool has_page(std::uint64_t pfn) const;
  /// The first page at or behind `pfn` that the dump holds.
  std::optional<std::uint64_t> next_page(std::uint64_t pfn) const;
  /// An error of fault `lacks` for a page that the guest had and makedumpfile left out.
  Result<> read(std::uint64_t address, std::span<std::byte> into) const override;
  /// Reads a kernel virtual address of the linear map or the kernel image (not vmalloc).
  Result<> read_virtual(std::uint64_t address, std::span<std::byte> into) const;
  Result<std::uint64_t> to_physical(std::uint64_t virtual_address) const;

  /// The kernel's log as the dump's own printk ring buffer holds it (kernel/printk/printk_ringbuffer.c), one
  /// record a line, with its time stamp as dmesg(1) prints it.
  Result<std::string> dmesg() const;

 private:
  Vmcore();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace crashpath
