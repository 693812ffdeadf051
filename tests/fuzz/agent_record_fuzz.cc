#include "harness/evidence/records.h"
#include "tests/fuzz/fuzz_input.h"

using namespace crashpath;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const Kernel kernel : {Kernel::first, Kernel::second})
    (void)parse_agent_record(text_of(data, size), kernel);
  return 0;
}
