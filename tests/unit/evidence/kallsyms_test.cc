#include "harness/evidence/kallsyms.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstring>

namespace crashpath {
namespace {

using testing::HasSubstr;
using testing::Optional;

constexpr std::uint64_t kLinearMap = 0xc000000000000000;
constexpr std::uint64_t kTextBase = kLinearMap + 0x10000;

class Ram final : public PhysicalMemory {
 public:
  Result<> read(std::uint64_t address, std::span<std::byte> into) const override {
    if (address > bytes.size() || into.size() > bytes.size() - address) return Error::guest("no RAM there");
    std::memcpy(into.data(), bytes.data() + address, into.size());
    return {};
  }
  template <class Number>
  void put(std::uint64_t address, Number number) {
    std::memcpy(bytes.data() + address, &number, sizeof number);
  }
  std::vector<std::byte> bytes = std::vector<std::byte>(1U << 16);
};

/// A kernel whose tables lie one 4 KiB page each from 0x1000 on, with a token for every byte, itself, and one
/// for "_lock".
class Kallsyms : public testing::Test {
 protected:
  Kallsyms() {
    ram_.put(0x2000, kTextBase);
    for (std::uint64_t i = 0; i < 256; ++i) {
      ram_.put(0x5000 + 2 * i, static_cast<std::uint16_t>(2 * i));
      ram_.put(0x6000 + 2 * i, static_cast<std::uint8_t>(i));
    }
    ram_.put(0x5000 + 2 * 1, std::uint16_t{0x600});
    std::memcpy(ram_.bytes.data() + 0x6600, "_lock", 6);
  }
  void add(std::uint32_t offset, const std::string& tokens) {
    ram_.put(0x1000, ++count_);
    ram_.put(0x3000 + 4 * (count_ - 1), offset);
    if (tokens.size() > 127) ram_.put(names_++, static_cast<std::uint8_t>(0x80 | (tokens.size() & 0x7f)));
    ram_.put(names_++, static_cast<std::uint8_t>(tokens.size() > 127 ? tokens.size() >> 7 : tokens.size()));
    for (const char token : tokens) ram_.put(names_++, token);
  }
  Result<KernelSymbols> read() const { return KernelSymbols::read(ram_, "ppc64", vmcoreinfo_); }

  static std::string symbol(std::string_view name, std::uint64_t page) {
    return fmt::format("SYMBOL(kallsyms_{})={:x}\n", name, kLinearMap + page);
  }
  Ram ram_;
  std::uint32_t count_ = 0;
  std::uint64_t names_ = 0x8000;
  Vmcoreinfo vmcoreinfo_{symbol("num_syms", 0x1000) + symbol("relative_base", 0x2000) +
                         symbol("offsets", 0x3000) + symbol("token_index", 0x5000) +
                         symbol("token_table", 0x6000) + symbol("names", 0x8000)};
};

TEST_F(Kallsyms, NamesWhatIsInAFunctionAndWhatAVariableIs) {
  add(0, "T_stext");
  add(0x100, "Trtas_call");
  add(0x100, "trtas_call_alias");
  add(0x200, "t" + std::string(200, 'x'));  // a length of two bytes
  add(0x300, "T_etext");
  add(0x400, "drtas\x01");
  add(0x500, "T_einittext");
  const auto symbols = read();
  ASSERT_TRUE(symbols) << symbols.error().to_string();
  EXPECT_EQ(symbols->size(), 7U);
  EXPECT_THAT(symbols->function_at(kTextBase + 0x1c8), Optional(std::string("rtas_call+0xc8")));
  EXPECT_THAT(symbols->function_at(kTextBase + 0x2ff), Optional(std::string(200, 'x') + "+0xff"));
  EXPECT_THAT(symbols->exactly_at(kTextBase + 0x400), Optional(std::string("rtas_lock")));
  EXPECT_EQ(symbols->address_of("rtas_lock"), kTextBase + 0x400);
  EXPECT_EQ(symbols->address_of("rtas"), std::nullopt);
}

// Without a base, as since Linux 7.0, an offset is from its own place, which may lie behind the symbol.
TEST_F(Kallsyms, FindsSymbolsByOffsetsFromTheirOwnPlaces) {
  const auto own_offset = [](std::uint32_t number, std::uint64_t address) {
    return static_cast<std::uint32_t>(address - (kLinearMap + 0x3000 + 4 * number));
  };
  add(own_offset(0, kLinearMap + 0x1100), "Tearly");
  add(own_offset(1, kTextBase + 0x100), "Trtas_call");
  add(own_offset(2, kTextBase + 0x400), "drtas\x01");
  vmcoreinfo_ =
      Vmcoreinfo(symbol("num_syms", 0x1000) + symbol("offsets", 0x3000) + symbol("token_index", 0x5000) +
                 symbol("token_table", 0x6000) + symbol("names", 0x8000));
  const auto symbols = read();
  ASSERT_TRUE(symbols) << symbols.error().to_string();
  EXPECT_EQ(symbols->address_of("early"), kLinearMap + 0x1100);
  EXPECT_EQ(symbols->address_of("rtas_lock"), kTextBase + 0x400);
  EXPECT_THAT(symbols->function_at(kTextBase + 0x1c8), Optional(std::string("rtas_call+0xc8")));
}

TEST_F(Kallsyms, WhatIsNoFunctionIsGivenNoName) {
  add(0, "T_stext");
  add(0x300, "T_etext");
  add(0x400, "drtas\x01");
  add(0x500, "T_einittext");
  const auto symbols = read();
  ASSERT_TRUE(symbols) << symbols.error().to_string();
  EXPECT_EQ(symbols->function_at(kTextBase - 1), std::nullopt);
  EXPECT_EQ(symbols->function_at(kTextBase + 0x310), std::nullopt);  // read-only data
  EXPECT_EQ(symbols->function_at(kTextBase + 0x408), std::nullopt);
  EXPECT_EQ(symbols->function_at(kTextBase + 0x508), std::nullopt);  // behind everything
  EXPECT_EQ(symbols->exactly_at(kTextBase + 0x408), std::nullopt);
}

TEST_F(Kallsyms, RefusesNonsense) {
  add(0, "T_stext");
  ram_.put(0x1000, std::uint32_t{0xffffffff});
  EXPECT_THAT(read().error().message(), HasSubstr("4294967295 symbols"));
  ram_.put(0x1000, std::uint32_t{1'000'000});
  EXPECT_THAT(read().error().message(), HasSubstr("no RAM there"));
  ram_.put(0x1000, std::uint32_t{2});  // the second name has no length
  EXPECT_THAT(read().error().message(), HasSubstr("a name is empty"));
  ram_.put(0x1000, std::uint32_t{1});
  std::fill(ram_.bytes.begin() + 0x6000, ram_.bytes.begin() + 0x7000, std::byte{'x'});
  EXPECT_THAT(read().error().message(), HasSubstr("has no end"));
}

TEST_F(Kallsyms, AKernelThatDoesNotSayWhereTheyAreHasNone) {
  vmcoreinfo_ = Vmcoreinfo("OSRELEASE=5.10\n");
  const auto symbols = read();
  ASSERT_FALSE(symbols);
  EXPECT_EQ(symbols.error().fault(), Fault::lacks);
  EXPECT_THAT(symbols.error().message(), HasSubstr("VMCOREINFO has no kallsyms_num_syms"));
}

}  // namespace
}  // namespace crashpath
