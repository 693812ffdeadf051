#include "harness/trial/guest_memory_hashes.h"

namespace crashpath {

PageHashes hash_guest_memory(const GuestMemory& memory, const PageHashes* unchanged) {
  const bool known = unchanged != nullptr && memory.changed;
  PageHashes hashes = known ? *unchanged : hash_of_zeros(memory.base, memory.bytes.size());
  for (const Extent& extent : known ? *memory.changed : memory.data)
    rehash(hashes, memory.bytes, extent.offset, extent.length);
  return hashes;
}

}  // namespace crashpath
