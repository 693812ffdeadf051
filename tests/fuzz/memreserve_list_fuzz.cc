// The EFI memreserve list in a memory that is the input, mapped again and again: a crashed kernel's memory
// can hold anything.

#include <algorithm>

#include "harness/evidence/ranges.h"
#include "memreserve/list.h"
#include "tests/fuzz/fuzz_input.h"

using namespace crashpath;

namespace {

class InputMemory final : public PhysicalMemory {
 public:
  InputMemory(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  Result<> read(std::uint64_t address, std::span<std::byte> into) const override {
    if (address % 7 == 6) return Error(Fault::lacks, "left out");
    for (std::size_t i = 0; i < into.size(); ++i)
      into[i] = static_cast<std::byte>(data_[(address + i) % size_]);
    return {};
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto list = read_memreserve_list(0, InputMemory(data, size));
  if (!list) return 0;
  require(list->nodes.size() <= 65);
  require(list->entries.size() <= list->nodes.size() * 255);
  require(list->problems.size() <= 64);
  for (const MemreserveEntry& entry : list->entries) require(entry.range.begin < entry.range.end);
  require(total_size(normalized(memory_of(*list))) <= list->nodes.size() * 4096);
  find_outside_ram(*list, {{0x40000000, 0x80000000}});
  return 0;
}
