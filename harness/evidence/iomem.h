#pragma once

// /proc/iomem of a guest, as text of an agent's report.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace crashpath {

/// A closed-open range of physical addresses.
struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  ///< first address behind it
  bool contains(const Range& other) const { return begin <= other.begin && other.end <= end; }
  bool overlaps(const Range& other) const { return begin < other.end && other.begin < end; }
  bool operator==(const Range&) const = default;
};
std::string to_string(
    const Range& range);  ///< "0x40000000-0x47ffffff", the last address included as iomem prints it

struct IomemEntry {
  Range range;
  std::string name;  ///< "System RAM", "Crash kernel", "reserved", ...
  int depth = 0;     ///< nesting: 0 is top level
};

/// All lines; an error for a line that is not one of /proc/iomem, or when every address is 0 (read without
/// privilege).
Result<std::vector<IomemEntry>> parse_iomem(std::string_view text);
std::vector<Range> ranges_named(const std::vector<IomemEntry>& iomem, std::string_view name);

}  // namespace crashpath
