#pragma once

#include <algorithm>
#include <boost/endian/conversion.hpp>
#include <map>
#include <vector>

#include "harness/evidence/physical_memory.h"

namespace crashpath {

/// A few pages at physical addresses; everything else is not there.
class FewPages final : public PhysicalMemory {
 public:
  void put32(std::uint64_t address, std::uint32_t value) { put(address, value, 4); }
  void put64(std::uint64_t address, std::uint64_t value) { put(address, value, 8); }

  Result<> read(std::uint64_t address, std::span<std::byte> into) const override {
    for (std::size_t i = 0; i < into.size(); ++i) {
      const auto page = pages_.find((address + i) / kPage);
      if (page == pages_.end()) return Error(Fault::lacks, "that page is not there");
      into[i] = page->second[(address + i) % kPage];
    }
    return {};
  }

 private:
  static constexpr std::uint64_t kPage = 4096;
  void put(std::uint64_t address, std::uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size; ++i) {
      auto& page = pages_[(address + i) / kPage];
      page.resize(kPage);
      page[(address + i) % kPage] = static_cast<std::byte>(value >> (8 * i));
    }
  }
  std::map<std::uint64_t, std::vector<std::byte>> pages_;
};

}  // namespace crashpath
