#include "memreserve/lpi_state.h"

#include <gmock/gmock.h>

namespace crashpath {
namespace {

// Of a 6.12 kernel with 52-bit addresses on a CPU of 48: PHYS_OFFSET is negative.
constexpr const char* kVmcoreinfo =
    "PAGESIZE=4096\nSIZE(page)=64\nNUMBER(VMEMMAP_START)=0xffffc1ffc0000000\nNUMBER(PHYS_OFFSET)="
    "0xfff1000040000000\n";

TEST(LpiState, FindsThePhysicalAddressOfAPage) {
  const Vmcoreinfo vmcoreinfo{std::string(kVmcoreinfo)};
  // page = VMEMMAP_START + ((0x40210000 - PHYS_OFFSET) >> 12) * 64
  const std::uint64_t index = (0x40210000 - 0xfff1000040000000) >> 12;
  EXPECT_EQ(page_to_physical(0xffffc1ffc0000000 + index * 64, vmcoreinfo).value(), 0x40210000u);
}

TEST(LpiState, RefusesWhatIsNoPage) {
  const Vmcoreinfo vmcoreinfo{std::string(kVmcoreinfo)};
  EXPECT_FALSE(page_to_physical(0xffffc1ffbfffffc0, vmcoreinfo));
  EXPECT_FALSE(page_to_physical(0xffffc1ffc0000001, vmcoreinfo));
  const auto lacking = page_to_physical(0xffffc1ffc0000000, Vmcoreinfo(std::string("PAGESIZE=4096\n")));
  ASSERT_FALSE(lacking);
  EXPECT_EQ(lacking.error().fault(), Fault::lacks);
  EXPECT_EQ(lacking.error().message(), "VMCOREINFO has no NUMBER(VMEMMAP_START)");
}

}  // namespace
}  // namespace crashpath
