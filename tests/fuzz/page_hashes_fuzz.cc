#include "harness/evidence/page_hashes.h"

#include "tests/fuzz/fuzz_input.h"

using namespace crashpath;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto hashes = parse_page_hashes(text_of(data, size));
  if (!hashes) return 0;
  for (const std::uint64_t offset : {0ULL, 4096ULL, 1ULL << 40})
    (void)hashes->find(hashes->ram_base + offset);
  (void)hashes->find(UINT64_MAX - 4095);
  return 0;
}
