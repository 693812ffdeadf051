#pragma once

// The ELF headers and notes of a crash dump: of a dump file, or of /proc/vmcore as the second kernel's agent
// sent them.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/evidence/iomem.h"
#include "harness/evidence/vmcoreinfo.h"

namespace crashpath {

/// A PT_LOAD program header.
struct LoadSegment {
  Range physical;                 ///< p_paddr and p_memsz; cut off at the end of the address space
  std::uint64_t memory_size = 0;  ///< p_memsz as it stands there
  std::uint64_t virtual_address = 0;
  std::uint64_t file_offset = 0;
  std::uint64_t file_size = 0;
};

struct Note {
  std::string name;  ///< "CORE", "VMCOREINFO", "GNU"
  std::uint32_t type = 0;
  std::string content;  ///< bytes
};

struct CoreHeaders {
  std::uint16_t machine = 0;  ///< EM_AARCH64, EM_PPC64
  std::vector<LoadSegment> segments;
  std::vector<Note> notes;  ///< of all PT_NOTE segments
};

/// Parses the beginning of a core file, as far as its notes: PT_LOADs may lie behind the end of `image`. A
/// guest error when it is no 64-bit little-endian core file or its headers or notes are cut off.
Result<CoreHeaders> parse_core_headers(std::span<const std::byte> image);
Result<CoreHeaders> read_core_headers(const std::filesystem::path& file);

/// ELF notes one behind the other, as in PT_NOTE and in /sys/kernel/notes. A guest error for one that does
/// not fit.
Result<std::vector<Note>> parse_notes(std::string_view bytes);

/// The GNU build id among the notes, in lower-case hexadecimal as VMCOREINFO's BUILD-ID has it.
std::optional<std::string> build_id(const std::vector<Note>& notes);

/// VMCOREINFO among the notes; empty when there is none.
Vmcoreinfo find_vmcoreinfo(const std::vector<Note>& notes);

/// How many of the notes are a CPU's registers (NT_PRSTATUS).
std::size_t count_prstatus(const std::vector<Note>& notes);

}  // namespace crashpath
