#include "memreserve/list.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/endian/conversion.hpp>
#include <set>

#include "harness/evidence/ranges.h"

namespace crashpath {
namespace {

constexpr std::size_t kHeaderSize = 16;
constexpr std::size_t kEntrySize = 16;
/// A node never crosses a page of 4 KiB, whatever pages the kernels have (include/linux/efi.h
/// EFI_MEMRESERVE_COUNT(SZ_4K)).
constexpr std::uint64_t kNodePage = 4096;
constexpr std::uint32_t kMostEntries = (kNodePage - kHeaderSize) / kEntrySize;
/// Far more than any machine has CPUs for: a list that goes on is damaged.
constexpr std::size_t kMostNodes = 64;
constexpr std::size_t kMostProblems = 64;

/// A damaged list can be wrong in more ways than anybody reads.
void add_problem(MemreserveList& list, std::string words) {
  if (list.problems.size() < kMostProblems)
    list.problems.push_back(std::move(words));
  else
    list.problems.back() = "and more";
}

class Walk {
 public:
  Walk(MemreserveList& list, const PhysicalMemory& memory) : list_(list), memory_(memory) {}

  Result<MemreserveNode> read_header(std::uint64_t address) const {
    if (address > UINT64_MAX - kNodePage) return Error::guest(fmt::format("{:#x} is no address", address));
    std::array<std::byte, kHeaderSize> bytes{};
    CP_TRY(memory_.read(address, bytes));
    const auto* const raw = reinterpret_cast<const unsigned char*>(bytes.data());
    return MemreserveNode{.address = address,
                          .size = boost::endian::load_little_u32(raw),
                          .count = boost::endian::load_little_u32(raw + 4),
                          .next = boost::endian::load_little_u64(raw + 8)};
  }

  void take(const MemreserveNode& node) {
    list_.nodes.push_back(node);
    const std::uint32_t room = room_of(node);
    if (node.size > room)
      problem("the page at {:#x} says that it has room for {} entries, but has it for {}", node.address,
              node.size, room);
    if (node.count > node.size)
      problem("the page at {:#x} has {} entries, but room for {}", node.address, node.count, node.size);
    // The next kernel goes by the count alone (efi_config_parse_tables).
    read_entries(node, std::min(node.count, room));
  }

  template <class... Values>
  void problem(fmt::format_string<Values...> words, Values&&... values) {
    add_problem(list_, fmt::format(words, std::forward<Values>(values)...));
  }

 private:
  /// Entries between the header and the end of the page that it stands in.
  static std::uint32_t room_of(const MemreserveNode& node) {
    const std::uint64_t begin = node.address % kNodePage + kHeaderSize;
    return begin >= kNodePage
               ? 0
               : std::min(kMostEntries, static_cast<std::uint32_t>((kNodePage - begin) / kEntrySize));
  }

  void read_entries(const MemreserveNode& node, std::uint32_t count) {
    std::vector<std::byte> bytes(count * kEntrySize);
    if (const auto got = memory_.read(node.address + kHeaderSize, bytes); !got) {
      problem("the entries at {:#x} cannot be read: {}", node.address, got.error().message());
      return;
    }
    const auto* const raw = reinterpret_cast<const unsigned char*>(bytes.data());
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint64_t base = boost::endian::load_little_u64(raw + i * kEntrySize);
      const std::uint64_t size = boost::endian::load_little_u64(raw + i * kEntrySize + 8);
      if (size == 0 || base > UINT64_MAX - size)
        problem("entry {} of the page at {:#x} is no range: base {:#x}, size {:#x}", i, node.address, base,
                size);
      else
        list_.entries.push_back({{base, base + size}, node.address, i});
    }
  }

  MemreserveList& list_;
  const PhysicalMemory& memory_;
};

std::string named(const MemreserveEntry& entry) {
  return fmt::format("{} (entry {} of the page at {:#x})", to_string(entry.range), entry.index, entry.node);
}

/// Neighbours in the order of addresses are enough: where anything overlaps, two neighbours do.
void find_overlaps(MemreserveList& list) {
  std::vector<MemreserveEntry> sorted = list.entries;
  std::stable_sort(sorted.begin(), sorted.end(), [](const MemreserveEntry& a, const MemreserveEntry& b) {
    return std::pair(a.range.begin, a.range.end) < std::pair(b.range.begin, b.range.end);
  });
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i].range == sorted[i - 1].range)
      add_problem(list, fmt::format("{} is reserved twice: {}", named(sorted[i - 1]), named(sorted[i])));
    else if (sorted[i].range.overlaps(sorted[i - 1].range))
      add_problem(list, fmt::format("{} overlaps {}", named(sorted[i]), named(sorted[i - 1])));
  }
  const std::vector<Range> nodes = memory_of(list);
  for (const MemreserveEntry& entry : list.entries)
    for (const Range& own : nodes)
      if (entry.range.overlaps(own))
        add_problem(list, fmt::format("{} overlaps the list itself at {:#x}", named(entry), own.begin));
}

}  // namespace

Result<MemreserveList> read_memreserve_list(std::uint64_t root, const PhysicalMemory& memory) {
  MemreserveList list;
  Walk walk(list, memory);
  std::set<std::uint64_t> seen = {root};
  MemreserveNode node = CP_TRY(walk.read_header(root));
  if (node.size != 0 || node.count != 0)
    walk.problem("the root at {:#x} has entries of its own: size {}, count {}", root, node.size, node.count);
  walk.take(node);
  while (node.next != 0) {
    if (!seen.insert(node.next).second) {
      walk.problem("the page at {:#x} is followed by {:#x} again: a loop", node.address, node.next);
      break;
    }
    if (list.nodes.size() > kMostNodes) {
      walk.problem("more than {} pages", kMostNodes);
      break;
    }
    const auto next = walk.read_header(node.next);
    if (!next) {
      walk.problem("the page at {:#x} cannot be read: {}", node.next, next.error().message());
      break;
    }
    walk.take(node = *next);
  }
  find_overlaps(list);
  return list;
}

std::vector<std::string> find_outside_ram(const MemreserveList& list, const std::vector<Range>& ram) {
  std::vector<std::string> problems;
  const auto outside = [&ram](const Range& range) { return !subtract({range}, ram).empty(); };
  for (const MemreserveEntry& entry : list.entries)
    if (outside(entry.range)) problems.push_back(fmt::format("{} is not in memory", named(entry)));
  for (const Range& own : memory_of(list))
    if (outside(own)) problems.push_back(fmt::format("the list itself at {:#x} is not in memory", own.begin));
  return problems;
}

std::size_t count_of(const MemreserveList& list, const Range& range) {
  return static_cast<std::size_t>(
      std::count_if(list.entries.begin(), list.entries.end(),
                    [&range](const MemreserveEntry& entry) { return entry.range == range; }));
}

std::vector<Range> memory_of(const MemreserveList& list) {
  std::vector<Range> memory;
  for (const MemreserveNode& node : list.nodes) {
    const std::uint64_t size = kHeaderSize + std::min(node.size, kMostEntries) * kEntrySize;
    memory.push_back({node.address, saturated_sum(node.address, size)});
  }
  return memory;
}

}  // namespace crashpath
