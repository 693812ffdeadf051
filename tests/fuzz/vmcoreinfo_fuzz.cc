#include "harness/evidence/vmcoreinfo.h"

#include "harness/evidence/kernel_addresses.h"
#include "tests/fuzz/fuzz_input.h"

using namespace crashpath;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Vmcoreinfo vmcoreinfo{std::string(text_of(data, size))};
  (void)vmcoreinfo.value("OSRELEASE");
  for (const char* architecture : {"aarch64", "ppc64"}) {
    for (const std::uint64_t address :
         {0xffff800080010000ULL, 0xffff000040000000ULL, 0xc000000000000000ULL, 0ULL})
      (void)kernel_to_physical(architecture, vmcoreinfo, address);
  }
  return 0;
}
