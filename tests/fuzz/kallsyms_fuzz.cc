#include "harness/evidence/kallsyms.h"

#include <cstring>

#include "tests/fuzz/fuzz_input.h"

using namespace crashpath;

namespace {

class Ram final : public PhysicalMemory {
 public:
  explicit Ram(std::string_view bytes) : bytes_(bytes) {}
  Result<> read(std::uint64_t address, std::span<std::byte> into) const override {
    if (address > bytes_.size() || into.size() > bytes_.size() - address) return Error::guest("no RAM there");
    std::memcpy(into.data(), bytes_.data() + address, into.size());
    return {};
  }

 private:
  std::string_view bytes_;
};

}  // namespace

/// The guest's memory from 0 on, with the tables where the unit test's kernel does not have them: small
/// inputs reach them all.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Vmcoreinfo vmcoreinfo(
      "SYMBOL(kallsyms_num_syms)=c000000000000000\nSYMBOL(kallsyms_relative_base)=c000000000000008\n"
      "SYMBOL(kallsyms_offsets)=c000000000000010\nSYMBOL(kallsyms_token_index)=c000000000000040\n"
      "SYMBOL(kallsyms_token_table)=c000000000000240\nSYMBOL(kallsyms_names)=c000000000000480\n");
  const Ram ram(text_of(data, size));
  const auto symbols = KernelSymbols::read(ram, "ppc64", vmcoreinfo);
  if (!symbols) return 0;
  for (const std::uint64_t address : {0xc000000000010000ULL, 0xc000000000010101ULL, 0ULL, ~0ULL}) {
    (void)symbols->function_at(address);
    (void)symbols->exactly_at(address);
  }
  (void)symbols->address_of("rtas_lock");
  return 0;
}
