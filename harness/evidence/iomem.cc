#include "harness/evidence/iomem.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace crashpath {
namespace {

/// Takes a hexadecimal number off the front of `text`.
std::optional<std::uint64_t> take_hex(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// "  40000000-4fffffff : System RAM", two blanks for each level of nesting (kernel/resource.c r_show).
std::optional<IomemEntry> parse_line(std::string_view line) {
  const std::size_t blanks = std::min(line.find_first_not_of(' '), line.size());
  line.remove_prefix(blanks);
  const auto begin = take_hex(line);
  if (!begin || !take(line, "-")) return std::nullopt;
  const auto last = take_hex(line);
  if (!last || *last < *begin || *last == UINT64_MAX || !take(line, " : ")) return std::nullopt;
  return IomemEntry{{*begin, *last + 1}, std::string(line), static_cast<int>(blanks / 2)};
}

}  // namespace

std::string to_string(const Range& range) {
  return fmt::format("{:#x}-{:#x}", range.begin, range.end - 1);
}

Result<std::vector<IomemEntry>> parse_iomem(std::string_view text) {
  std::vector<IomemEntry> entries;
  bool any_address = false;
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty()) continue;
    auto entry = parse_line(line);
    if (!entry)
      return Error::guest(fmt::format("/proc/iomem, line {}: not an address range: '{}'", number, line));
    any_address = any_address || entry->range.end > 1;
    entries.push_back(std::move(*entry));
  }
  if (entries.empty()) return Error::guest("/proc/iomem is empty");
  if (!any_address)
    return Error::guest("/proc/iomem has nothing but zeroes for addresses: it was read without privilege");
  return entries;
}

std::vector<Range> ranges_named(const std::vector<IomemEntry>& iomem, std::string_view name) {
  std::vector<Range> ranges;
  for (const IomemEntry& entry : iomem) {
    if (entry.name == name) ranges.push_back(entry.range);
  }
  return ranges;
}

}  // namespace crashpath
