#pragma once

// The guest's RAM as the host saw it at one moment, kept as one 64-bit hash (XXH3) per 4 KiB page: enough to
// prove that a page of a dump is the page the guest had, in 4 MiB for 2 GiB of RAM.
//
// File layout, little-endian: char magic[8] "CPPGHASH"; u32 version 1; u32 page_size 4096; u64 ram_base; u64
// pages; then u64 hash[pages].

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace crashpath {

inline constexpr std::uint32_t kHashedPageSize = 4096;

struct PageHashes {
  std::uint64_t ram_base = 0;  ///< guest physical address of the first page
  std::vector<std::uint64_t> hashes;

  /// The hash of the page at a guest physical address (4 KiB aligned), or nullptr outside of RAM.
  const std::uint64_t* find(std::uint64_t address) const;
};

std::uint64_t hash_page(std::span<const std::byte> page);  ///< of kHashedPageSize bytes
PageHashes hash_memory(std::uint64_t ram_base, std::span<const std::byte> ram);
/// Of RAM that is all zeros.
PageHashes hash_of_zeros(std::uint64_t ram_base, std::uint64_t bytes);
/// Hashes the pages again that `length` bytes at `offset` into the RAM touch.
void rehash(PageHashes& hashes, std::span<const std::byte> ram, std::uint64_t offset, std::uint64_t length);
Result<> write_page_hashes(const std::filesystem::path& file, const PageHashes& hashes);
/// Refuses what is truncated or not ours.
Result<PageHashes> parse_page_hashes(std::string_view content);
Result<PageHashes> read_page_hashes(const std::filesystem::path& file);

}  // namespace crashpath
