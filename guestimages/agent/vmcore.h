#pragma once

// /proc/vmcore: the ELF core file that a capture kernel shows.

#include <cstdint>
#include <string>

#include "harness/base/result.h"

namespace crashpath {

struct VmcoreHeaders {
  std::string bytes;              ///< everything before the first segment: ELF header, program headers, notes
  std::uint64_t segments_at = 0;  ///< file offset of the first PT_LOAD's data
};

/// Where the data of the first PT_LOAD begins, out of an ELF64 little-endian file's beginning. `start` must
/// hold the ELF header and the program headers; `file_size` bounds what they may say. Errors name what does
/// not fit.
Result<std::uint64_t> first_segment_offset(std::string_view start, std::uint64_t file_size);

Result<VmcoreHeaders> read_vmcore_headers(const std::string& path);

}  // namespace crashpath
