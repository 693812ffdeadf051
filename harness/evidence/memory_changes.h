#pragma once

// What became of a guest's memory between two moments, page by page.

#include <cstdint>
#include <string>
#include <vector>

#include "harness/evidence/iomem.h"
#include "harness/evidence/memory_owners.h"
#include "harness/evidence/page_hashes.h"

namespace crashpath {

/// The pages of 4 KiB that are not what they were, by who may write there.
struct MemoryChanges {
  std::uint64_t equal = 0;
  std::vector<std::vector<Range>> owned;  ///< of each owner, in their order; one range a page
  std::vector<Range> unowned;             ///< one range a page, ascending
};

/// A host error when the two are not of one guest.
Result<MemoryChanges> find_memory_changes(const PageHashes& before, const PageHashes& after,
                                          const std::vector<MemoryOwner>& owners);

/// What /proc/iomem says of an address: the innermost entry, "System RAM 0x40000000-0x7fffffff".
std::string place_in_iomem(const std::vector<IomemEntry>& iomem, std::uint64_t address);

}  // namespace crashpath
