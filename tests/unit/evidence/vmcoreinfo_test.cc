#include "harness/evidence/vmcoreinfo.h"

#include <gmock/gmock.h>

#include "harness/evidence/kernel_addresses.h"

namespace crashpath {
namespace {

TEST(Vmcoreinfo, ReadsTheNotationOfEachKind) {
  const Vmcoreinfo info(
      "OSRELEASE=6.12\nPAGESIZE=4096\nSYMBOL(_stext)=ffff800080010000\nOFFSET(list_head.prev)=8\n"
      "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-129\nNUMBER(kimage_voffset)=0xffff800022000000\nKERNELOFFSET="
      "1f0000\n"
      "no equals sign\nNUMBER(x)=12y\n");
  EXPECT_EQ(info.value("OSRELEASE"), "6.12");
  EXPECT_EQ(info.value("BUILD-ID"), std::nullopt);
  EXPECT_EQ(info.number("PAGESIZE"), 4096U);
  EXPECT_EQ(info.number("SYMBOL(_stext)"), 0xffff800080010000U);
  EXPECT_EQ(info.number("OFFSET(list_head.prev)"), 8U);
  EXPECT_EQ(info.number("NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)"), static_cast<std::uint64_t>(-129));
  EXPECT_EQ(info.number("NUMBER(kimage_voffset)"), 0xffff800022000000U);
  EXPECT_EQ(info.number("KERNELOFFSET"), 0x1f0000U);
  EXPECT_EQ(info.number("NUMBER(x)"), std::nullopt);
  EXPECT_EQ(info.number("OSRELEASE"), std::nullopt);
}

const Vmcoreinfo kArm64(
    "SYMBOL(_stext)=ffff800080010000\nNUMBER(VA_BITS)=52\nNUMBER(kimage_voffset)=0xffff800022000000\n"
    "NUMBER(PHYS_OFFSET)=0xfff1000000000000\n");  // of a kernel for 52 bits on a CPU with 48

TEST(KernelAddresses, Arm64) {
  EXPECT_EQ(kernel_to_physical("aarch64", kArm64, 0xffff800080000000).value(), 0x5e000000U);
  EXPECT_EQ(kernel_to_physical("aarch64", kArm64, 0xffff00006fa89880).value(), 0x6fa89880U);
  EXPECT_FALSE(kernel_to_physical("aarch64", kArm64, 0xffff900080000000));  // vmalloc
  EXPECT_FALSE(kernel_to_physical("aarch64", kArm64, 0x400000));            // user space
  EXPECT_FALSE(kernel_to_physical("aarch64", Vmcoreinfo("NUMBER(VA_BITS)=99\n"), 0xffff000040000000));
  EXPECT_FALSE(kernel_to_physical("aarch64", Vmcoreinfo(), 0xffff000040000000));
}

TEST(KernelAddresses, Ppc64) {
  EXPECT_EQ(kernel_to_physical("ppc64", {}, 0xc00000000256db68).value(), 0x256db68U);
  EXPECT_FALSE(kernel_to_physical("ppc64", {}, 0xc008000000000000));  // vmalloc
  EXPECT_FALSE(kernel_to_physical("ppc64", {}, 0x10000));
  EXPECT_FALSE(kernel_to_physical("x86_64", {}, 0xffffffff81000000));
}

}  // namespace
}  // namespace crashpath
