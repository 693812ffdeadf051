#include "harness/evidence/core_headers.h"

#include "harness/evidence/ranges.h"
#include "tests/fuzz/fuzz_input.h"

using namespace crashpath;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)parse_notes(text_of(data, size));
  const auto headers = parse_core_headers({reinterpret_cast<const std::byte*>(data), size});
  if (!headers) return 0;
  std::vector<Range> all;
  for (const LoadSegment& segment : headers->segments) {
    require(segment.physical.begin <= segment.physical.end);
    all.push_back(segment.physical);
  }
  (void)subtract({{0, UINT64_MAX}}, all);
  (void)build_id(headers->notes);
  return 0;
}
