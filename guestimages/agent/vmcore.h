#pragma once

// /proc/vmcore: the ELF core file that a capture kernel shows.

#include <cstdint>
#include <string>
#include <string_view>

#include "harness/base/result.h"

namespace crashpath {

struct VmcoreHeaders {
  std::string bytes;              ///< everything before the first segment: ELF header, program headers, notes
  std::uint64_t segments_at = 0;  ///< file offset of the first PT_LOAD's data
};

/// Where the program headers end, by an ELF64 little-endian header. Errors name what does not fit.
Result<std::uint64_t> end_of_program_headers(std::string_view start);

/// Where the data of the first PT_LOAD begins. `start`: the file up to the end of the program headers at
/// least.
Result<std::uint64_t> first_segment_offset(std::string_view start);

/// Reads no byte of a segment: headers that lie about memory make the kernel fault when it reads what they
/// describe.
Result<VmcoreHeaders> read_vmcore_headers(const std::string& path);

}  // namespace crashpath
