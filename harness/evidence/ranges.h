#pragma once

// Sets of physical addresses, as sorted lists of ranges that do not touch each other.

#include <string>
#include <vector>

#include "harness/evidence/iomem.h"

namespace crashpath {

/// a + b, or the largest number when that does not fit: sizes out of a broken dump's headers add up to
/// anything.
std::uint64_t saturated_sum(std::uint64_t a, std::uint64_t b);
/// Sorts, drops empty ranges and joins those that overlap or touch.
std::vector<Range> normalized(std::vector<Range> ranges);
/// What is in `from` and not in `what`. Any order and overlap in; normalized out.
std::vector<Range> subtract(const std::vector<Range>& from, const std::vector<Range>& what);
/// Every page that one of them touches, whole; `page` is a power of two. Normalized.
std::vector<Range> whole_pages(std::vector<Range> ranges, std::uint64_t page);
std::uint64_t total_size(const std::vector<Range>& ranges);  ///< in bytes, of normalized ranges
bool contains(const std::vector<Range>& ranges, std::uint64_t address);
/// "0x1000-0x1fff, 0x8000-0x8fff", at most `limit` of them and then how many more.
std::string to_string(const std::vector<Range>& ranges, std::size_t limit = 6);

}  // namespace crashpath
