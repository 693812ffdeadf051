#include "harness/evidence/records.h"
#include "memreserve/console_witness.h"
#include "tests/fuzz/fuzz_input.h"

using namespace crashpath;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto lines = parse_console_record(text_of(data, size));
  for (const auto& kernel : split_at_boots(lines)) {
    require(!kernel.empty());
    const ConsoleWitness witness = read_console_witness(kernel, "console-first.log");
    require(witness.booted);
  }
  return 0;
}
