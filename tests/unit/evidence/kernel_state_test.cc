#include "harness/evidence/kernel_state.h"

#include <gmock/gmock.h>

#include <cstring>
#include <map>

#include "tests/unit/evidence/synthetic_btf.h"

namespace crashpath {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// 1 MiB from address 0, whose page at 0x8000 was left out.
class SomeMemory final : public PhysicalMemory {
 public:
  Result<> read(std::uint64_t address, std::span<std::byte> into) const override {
    if (address > bytes_.size() || into.size() > bytes_.size() - address) return Error::guest("no memory");
    if (address < 0x9000 && address + into.size() > 0x8000) return Error(Fault::lacks, "left out");
    std::memcpy(into.data(), bytes_.data() + address, into.size());
    return {};
  }
  template <class T>
  void put(std::uint64_t address, const T& value) {
    std::memcpy(bytes_.data() + address, &value, sizeof value);
  }
  void put_bytes(std::uint64_t address, std::span<const std::byte> bytes) {
    std::memcpy(bytes_.data() + address, bytes.data(), bytes.size());
  }

 private:
  std::vector<std::byte> bytes_ = std::vector<std::byte>(1 << 20);
};

constexpr std::uint64_t kLinear = 0xc000000000000000;  // of ppc64: physical address 0

/// struct table { struct { u64 flags; __be32 desc; s16 level; } __percpu *cpu; u64 flags; char name[8];
/// struct table *next; u8 low : 3, high : 5; };
std::vector<std::byte> table_btf() {
  SyntheticBtf btf;
  const int u8 = btf.integer("unsigned char", 1);
  const int u32 = btf.integer("unsigned int", 4);
  const int u64 = btf.integer("long unsigned int", 8);
  const int s16 = btf.integer("short int", 2, BTF_INT_SIGNED);
  const int be32 = btf.alias("__be32", u32);
  const int text = btf.array(u32, u8, 8);
  const int cpu = btf.structure("", 16);
  btf.member("flags", u64, 0);
  btf.member("desc", be32, 64);
  btf.member("level", s16, 96);
  const int to_cpu = btf.pointer(cpu);
  const int to_table = btf.pointer(to_cpu + 2);
  btf.structure("table", 40);
  btf.member("cpu", to_cpu, 0);
  btf.member("flags", u64, 64);
  btf.member("name", text, 128);
  btf.member("next", to_table, 192);
  btf.member("low", u8, 256, 3);
  btf.member("high", u8, 259, 5);
  return btf.bytes();
}

class KernelStateTest : public testing::Test {
 protected:
  KernelStateTest() {
    const auto btf = table_btf();
    memory_.put_bytes(0x20000, btf);
    symbols_ = {{"__start_BTF", kLinear + 0x20000},
                {"__stop_BTF", kLinear + 0x20000 + btf.size()},
                {"__per_cpu_offset", kLinear + 0x3000},
                {"the_table", kLinear + 0x1000},
                {"tables", kLinear + 0x2000}};
    memory_.put(0x1000, std::uint64_t{0x5000});  // cpu: an offset, as per-CPU pointers are
    memory_.put(0x1008, std::uint64_t{0x123456789abcdef0});
    memory_.put(0x1010, std::array{'n', 'a', 'm', 'e', '\0', 'x', 'x', 'x'});
    memory_.put(0x1020, std::uint8_t{0xad});
    memory_.put(0x2000, kLinear + 0x1000);
    memory_.put(0x2008, kLinear + 0x8000);
    memory_.put(0x2010, std::uint64_t{0xdead000000000000});
    memory_.put(0x3008, kLinear + 0x4000);  // of CPU 1, whose part is then at 0x9000
    memory_.put(0x9000, std::uint64_t{7});
    memory_.put(0x9008, std::array<std::uint8_t, 6>{0xd3, 0x97, 0xd7, 0x81, 0xfe, 0xff});
  }

  KernelState state() {
    return {memory_, "ppc64", Vmcoreinfo("SYMBOL(from_vmcoreinfo)=c000000000001008\n"),
            [this](std::string_view name) -> Result<std::uint64_t> {
              const auto found = symbols_.find(name);
              if (found == symbols_.end()) return Error(Fault::lacks, "no symbol " + std::string(name));
              return found->second;
            }};
  }

  SomeMemory memory_;
  std::map<std::string, std::uint64_t, std::less<>> symbols_;
};

TEST_F(KernelStateTest, ReadsMembersByName) {
  const KernelState kernel = state();
  const KernelObject table = kernel.object("the_table", "struct table");
  EXPECT_EQ(table.at("flags").number().value(), 0x123456789abcdef0U);
  EXPECT_EQ(table.at("name").text().value(), "name");
  EXPECT_EQ(table.at("low").number().value(), 5U);
  EXPECT_EQ(table.at("high").number().value(), 0x15U);
  EXPECT_EQ(table.size().value(), 40U);
  EXPECT_EQ(table.at("flags").physical_address().value(), 0x1008U);
  EXPECT_EQ(kernel.object(kLinear + 0x1000, "struct table").at("flags").number().value(),
            0x123456789abcdef0U);
  EXPECT_EQ(kernel.object("from_vmcoreinfo", "long unsigned int").number().value(), 0x123456789abcdef0U);
}

TEST_F(KernelStateTest, FollowsPointers) {
  const KernelState kernel = state();
  const KernelObject table = kernel.object("tables", "struct table **")[0];
  EXPECT_EQ(table.path(), "tables[0]");
  EXPECT_EQ(kernel.object("tables", "struct table *").follow().at("name").text().value(), "name");
  EXPECT_EQ(kernel.object("the_table", "struct table").at("name")[1].number().value(), std::uint64_t{'a'});
  const KernelObject cpu = kernel.object("the_table", "struct table").at("cpu").follow_on_cpu(1);
  EXPECT_EQ(cpu.at("flags").number().value(), 7U);
  EXPECT_EQ(cpu.at("desc").number().value(), 0xd397d781U) << "__be32";
  EXPECT_EQ(cpu.at("level").number().value(), UINT64_MAX - 1) << "signed";
  EXPECT_EQ(cpu.path(), "the_table.cpu(CPU 1)->");
  symbols_["a_per_cpu"] = 0x5000;
  EXPECT_EQ(kernel.object_on_cpu("a_per_cpu", 1, "long unsigned int").number().value(), 7U);
}

/// The error of a place has to name it, and say whose fault it is.
void expect_error(const Result<std::uint64_t>& result, Fault fault, const char* path, const char* words) {
  ASSERT_FALSE(result) << path;
  EXPECT_EQ(result.error().fault(), fault) << result.error().message();
  EXPECT_THAT(result.error().message(), StartsWith(std::string(path) + ": "));
  EXPECT_THAT(result.error().message(), HasSubstr(words));
}

TEST_F(KernelStateTest, SaysWhatThisKernelDoesNotHave) {
  const KernelState kernel = state();
  expect_error(kernel.object("gone", "struct table").at("flags").number(), Fault::lacks, "gone", "no symbol");
  expect_error(kernel.object("the_table", "struct chair").number(), Fault::lacks, "the_table",
               "struct chair");
  expect_error(kernel.object("the_table", "struct table").at("legs")[3].number(), Fault::lacks,
               "the_table.legs", "no member 'legs'");
  // tables[1] points into the page that was left out.
  expect_error(kernel.object(kLinear + 0x2008, "struct table *").follow().at("flags").number(), Fault::lacks,
               "(struct table * at 0xc000000000002008)->flags", "left out");
  symbols_.erase("__per_cpu_offset");
  expect_error(kernel.object("the_table", "struct table").at("cpu").follow_on_cpu(0).number(), Fault::lacks,
               "the_table.cpu(CPU 0)->", "__per_cpu_offset");
}

TEST_F(KernelStateTest, SaysWhereMemoryIsNonsense) {
  const KernelState kernel = state();
  const KernelObject table = kernel.object("the_table", "struct table");
  expect_error(table.at("next").follow().at("flags").number(), Fault::guest, "the_table.next->", "NULL");
  expect_error(kernel.object(kLinear + 0x2010, "struct table *").follow().at("flags").number(), Fault::guest,
               "(struct table * at 0xc000000000002010)->flags", "neither in the linear map");
  expect_error(table.at("name")[8].number(), Fault::guest, "the_table.name[8]", "8 elements");
  expect_error(table.number(), Fault::guest, "the_table", "no number");
  expect_error(table.at("flags").follow().number(), Fault::guest, "the_table.flags->", "no pointer");
  expect_error(table.at("cpu").follow_on_cpu(-1).number(), Fault::guest, "the_table.cpu(CPU -1)->", "no CPU");
  EXPECT_FALSE(table.at("flags").text());
}

TEST_F(KernelStateTest, WithoutTypesSaysWhy) {
  const auto error_of = [](const KernelState& kernel) {
    return kernel.object("the_table", "struct table").at("flags").number().error();
  };
  memory_.put(0x20000, std::uint32_t{0});
  EXPECT_EQ(error_of(state()).fault(), Fault::guest) << "damaged";
  symbols_["__start_BTF"] = symbols_["__stop_BTF"];
  EXPECT_THAT(error_of(state()).message(), HasSubstr("cannot lie from"));
  symbols_["__start_BTF"] = kLinear + 0x8000;
  EXPECT_EQ(error_of(state()).fault(), Fault::lacks) << "left out of the dump";
  symbols_.erase("__start_BTF");
  EXPECT_EQ(error_of(state()).fault(), Fault::lacks);
  EXPECT_THAT(error_of(state()).message(), HasSubstr("types (BTF): no symbol __start_BTF"));
}

}  // namespace
}  // namespace crashpath
