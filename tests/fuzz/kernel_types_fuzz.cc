#include "harness/evidence/kernel_types.h"

#include "tests/fuzz/fuzz_input.h"

using namespace crashpath;

namespace {

void ask(const KernelTypes& types, KernelType type) {
  (void)types.size(type);
  (void)types.pointed_to(type);
  (void)types.array(type);
  if (const auto number = types.number(type)) require(number->size >= 1 && number->size <= 8);
  for (const char* path : {"name.release", "rdist", "flags", "lppaca_ptr", ".", ""}) {
    const auto member = types.member(type, path);
    if (member && member->bits) require(member->bits->shift < 8);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto types = KernelTypes::parse({reinterpret_cast<const std::byte*>(data), size});
  if (!types) return 0;
  for (const char* name : {"struct rdists", "struct uts_namespace *", "union x", "enum y", "unsigned int"})
    if (const auto type = (*types)->find(name)) ask(**types, *type);
  for (std::uint32_t id = 0; id < 64; ++id) ask(**types, {id, 0});
  return 0;
}
