#include "harness/machine/qemu/monitor_text.h"

#include <gmock/gmock.h>

#include <regex>

namespace crashpath {
namespace {

using testing::HasSubstr;

// Of QEMU 7.2, "info registers -a", shortened.
constexpr std::string_view kPseries =
    "\r\nCPU#0\r\n"
    "NIP c0000000000ad3e0   LR c00000000005a1b8 CTR c0000000000ad3a0 XER 0000000000000000 CPU#0\r\n"
    "MSR 8000000000001033 HID0 0000000000000000  HF 8d06c006 iidx 7 didx 7\r\n"
    "TB 00000000 00000000 DECR 0\r\n"
    "GPR00 0000000000000000 c000000003f53a10 c0000000023f8d00 0000000000000001\r\n"
    "GPR28 0000000000000000 0000000000000001 c0000000029a0020 c0000000029a0018\r\n"
    "CR 28000222  [ E L - - - E E E  ]     RES 000@ffffffffffffffff\r\n"
    "\r\nCPU#1\r\n"
    "NIP 000000000000012c   LR 0000000000000000 CTR 0 XER 0000000000000000 CPU#1\r\n";
constexpr std::string_view kArm64 =
    "\r\nCPU#0\r\n PC=ffff800080012344 X00=0000000000000000 X01=0000000000000001\r\n"
    "X02=ffffff\r\nX29=ffff800083e3bd40 X30=ffff800080012340  SP=ffff800083e3bd40\r\n"
    "PSTATE=600000c5 -ZC- EL1h     FPU disabled\r\n";

TEST(MonitorText, RegistersByTheirNames) {
  const auto pseries = parse_registers(kPseries);
  ASSERT_TRUE(pseries) << pseries.error().to_string();
  ASSERT_EQ(pseries->size(), 2U);
  EXPECT_EQ(pseries->at(0).values.at("nip"), 0xc0000000000ad3e0);
  EXPECT_EQ(pseries->at(0).values.at("lr"), 0xc00000000005a1b8);
  EXPECT_EQ(pseries->at(0).values.at("msr"), 0x8000000000001033);
  EXPECT_EQ(pseries->at(0).values.at("r1"), 0xc000000003f53a10);
  EXPECT_EQ(pseries->at(0).values.at("r31"), 0xc0000000029a0018);
  EXPECT_EQ(pseries->at(1).cpu, 1);
  EXPECT_EQ(pseries->at(1).values.at("nip"), 0x12cU);

  const auto arm64 = parse_registers(kArm64);
  ASSERT_TRUE(arm64) << arm64.error().to_string();
  const auto& values = arm64->at(0).values;
  EXPECT_EQ(values.at("pc"), 0xffff800080012344);
  EXPECT_EQ(values.at("x1"), 1U);
  EXPECT_EQ(values.at("x29"), 0xffff800083e3bd40);
  EXPECT_EQ(values.at("sp"), 0xffff800083e3bd40);
  EXPECT_EQ(values.at("pstate"), 0x600000c5U);
}

TEST(MonitorText, NonsenseIsNoRegister) {
  EXPECT_FALSE(parse_registers("unknown command: 'info registers'"));
  const auto cpus = parse_registers("CPU#0\nGPR99999999999999999999 12\nGPR32 12\nNIP\nX99=\nX1=zz\n");
  ASSERT_TRUE(cpus);
  EXPECT_TRUE(cpus->at(0).values.empty());
}

TEST(MonitorText, MemoryIsWholeOrAnError) {
  const auto memory = parse_memory_dump("c000000000001000: 0x41 0x42\r\nc000000000001002: 0x00\r\n", 3);
  ASSERT_TRUE(memory) << memory.error().to_string();
  EXPECT_EQ(*memory, std::string("AB\0", 3));
  const auto none = parse_memory_dump("c000000000001000: Cannot access memory\r\n", 8);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().fault(), Fault::guest);
  EXPECT_THAT(none.error().message(), HasSubstr("of 8 bytes the vCPU can see 0"));
}

// QEMU 7.2, of a pseries guest that was saved while its CPU 2 was about to be told of virtio-serial's
// interrupt: the OS rings, and that source.
constexpr std::string_view kXiveBusy = R"(CPU[0000]:   QW   NSR CPPR IPB LSMFB ACK# INC AGE PIPR  W2
CPU[0000]:   OS    00   ff  00    ff   ff  00  ff   ff  80000400
CPU[0001]:   QW   NSR CPPR IPB LSMFB ACK# INC AGE PIPR  W2
CPU[0001]:   OS    00   ff  00    ff   ff  00  ff   ff  80000401
CPU[0002]:   QW   NSR CPPR IPB LSMFB ACK# INC AGE PIPR  W2
CPU[0002]:   OS    80   ff  02    ff   ff  00  ff   06  80000402
CPU[0003]:   QW   NSR CPPR IPB LSMFB ACK# INC AGE PIPR  W2
CPU[0003]:   OS    00   ff  00    ff   ff  00  ff   ff  80000403
  LISN         PQ    EISN     CPU/PRIO EQ
  00001301 MSI P-    00000018   2/6    173/16384 @7a70000 ^1 [ 80000010 80000010 80000018 80000018 80000018 ^00000000 ]
)";

// QEMU 7.2, of a pseries guest with XICS that boots: CPU 1 is about to take an IPI.
constexpr std::string_view kXicsBusy = R"(CPU 0 XIRR=ff000000 ((nil)) PP=ff MFRR=ff
CPU 1 XIRR=ff000002 ((nil)) PP=04 MFRR=04
CPU 2 XIRR=ff000000 ((nil)) PP=ff MFRR=ff
CPU 3 XIRR=ff000000 ((nil)) PP=ff MFRR=ff
ICS 1000..1fff 0x55b04f5ea740
  1000 MSI 05 00
irqchip: emulated
)";

TEST(MonitorText, AnInterruptThatAVcpuDidNotTakeIsPending) {
  EXPECT_TRUE(has_pending_interrupt(kXiveBusy));
  EXPECT_TRUE(has_pending_interrupt(kXicsBusy));
  EXPECT_FALSE(
      has_pending_interrupt(std::regex_replace(std::string(kXiveBusy), std::regex("OS    80"), "OS    00")));
  EXPECT_FALSE(
      has_pending_interrupt(std::regex_replace(std::string(kXicsBusy), std::regex("ff000002"), "ff000000")));
  EXPECT_FALSE(has_pending_interrupt("irqchip: emulated\n")) << "what arm64 prints";
}

}  // namespace
}  // namespace crashpath
