#include "harness/evidence/ranges.h"

#include <fmt/format.h>

#include <algorithm>

namespace crashpath {

std::uint64_t saturated_sum(std::uint64_t a, std::uint64_t b) {
  return a + b < a ? UINT64_MAX : a + b;
}

std::vector<Range> normalized(std::vector<Range> ranges) {
  std::erase_if(ranges, [](const Range& range) { return range.begin >= range.end; });
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
  std::vector<Range> joined;
  for (const Range& range : ranges) {
    if (!joined.empty() && range.begin <= joined.back().end)
      joined.back().end = std::max(joined.back().end, range.end);
    else
      joined.push_back(range);
  }
  return joined;
}

std::vector<Range> subtract(const std::vector<Range>& from, const std::vector<Range>& what) {
  const std::vector<Range> holes = normalized(what);
  std::vector<Range> left;
  for (Range range : normalized(from)) {
    for (const Range& hole : holes) {
      if (!hole.overlaps(range)) continue;
      if (hole.begin > range.begin) left.push_back({range.begin, hole.begin});
      range.begin = std::min(hole.end, range.end);
    }
    if (range.begin < range.end) left.push_back(range);
  }
  return left;
}

std::vector<Range> whole_pages(std::vector<Range> ranges, std::uint64_t page) {
  for (Range& range : ranges) {
    range.begin -= range.begin % page;
    const std::uint64_t past = range.end % page;
    if (past != 0) range.end = saturated_sum(range.end, page - past);
  }
  return normalized(std::move(ranges));
}

std::uint64_t total_size(const std::vector<Range>& ranges) {
  std::uint64_t size = 0;
  for (const Range& range : ranges) size += range.end - range.begin;
  return size;
}

bool contains(const std::vector<Range>& ranges, std::uint64_t address) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [address](const Range& range) { return range.begin <= address && address < range.end; });
}

std::string to_string(const std::vector<Range>& ranges, std::size_t limit) {
  std::string text;
  for (std::size_t i = 0; i < ranges.size() && i < limit; ++i) {
    if (i > 0) text += ", ";
    text += to_string(ranges[i]);
  }
  if (ranges.size() > limit) text += fmt::format(" and {} more", ranges.size() - limit);
  return text;
}

}  // namespace crashpath
