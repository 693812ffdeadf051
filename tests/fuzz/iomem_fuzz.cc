#include "harness/evidence/iomem.h"

#include "harness/evidence/ranges.h"
#include "tests/fuzz/fuzz_input.h"

using namespace crashpath;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto iomem = parse_iomem(text_of(data, size));
  if (!iomem) return 0;
  const auto ram = ranges_named(*iomem, "System RAM");
  const auto kernel = ranges_named(*iomem, "Crash kernel");
  const auto left = subtract(ram, kernel);
  require(total_size(left) <= total_size(normalized(ram)));
  for (const Range& range : kernel) require(!contains(left, range.begin));
  return 0;
}
