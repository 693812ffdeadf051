#include "harness/evidence/memory_changes.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/evidence/ranges.h"

namespace crashpath {

Result<MemoryChanges> find_memory_changes(const PageHashes& before, const PageHashes& after,
                                          const std::vector<MemoryOwner>& owners) {
  if (before.ram_base != after.ram_base || before.hashes.size() != after.hashes.size())
    return Error::host(
        fmt::format("the memory of the two moments is not of one guest: {} pages at {:#x}, {} at {:#x}",
                    before.hashes.size(), before.ram_base, after.hashes.size(), after.ram_base));
  MemoryChanges changes;
  changes.owned.resize(owners.size());
  for (std::size_t i = 0; i < before.hashes.size(); ++i) {
    if (before.hashes[i] == after.hashes[i]) {
      ++changes.equal;
      continue;
    }
    const std::uint64_t address = before.ram_base + i * kHashedPageSize;
    const auto owner = std::find_if(owners.begin(), owners.end(), [address](const MemoryOwner& one) {
      return contains(one.ranges, address);
    });
    auto& there = owner == owners.end() ? changes.unowned
                                        : changes.owned[static_cast<std::size_t>(owner - owners.begin())];
    there.push_back({address, address + kHashedPageSize});
  }
  return changes;
}

std::string place_in_iomem(const std::vector<IomemEntry>& iomem, std::uint64_t address) {
  const IomemEntry* innermost = nullptr;
  for (const IomemEntry& entry : iomem)
    if (contains({entry.range}, address) && (innermost == nullptr || entry.depth >= innermost->depth))
      innermost = &entry;
  return innermost == nullptr ? "no entry of /proc/iomem"
                              : fmt::format("{} {}", innermost->name, to_string(innermost->range));
}

}  // namespace crashpath
