#include "harness/machine/qemu/monitor_text.h"

#include "tests/fuzz/fuzz_input.h"

using namespace crashpath;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  if (const auto cpus = parse_registers(text)) require(!cpus->empty());
  for (const std::size_t bytes : {1U, 16U, 1024U})
    if (const auto memory = parse_memory_dump(text, bytes)) require(memory->size() == bytes);
  return 0;
}
