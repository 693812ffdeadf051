#include "memreserve/console_witness.h"

#include <gmock/gmock.h>

#include "tests/corpus/trial_copy.h"

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

ConsoleWitness read(const std::vector<std::string>& lines) {
  std::vector<RecordedLine> recorded;
  int number = 0;
  for (const auto& line : lines) recorded.push_back({.seconds = 1, .text = line, .number = ++number});
  return read_console_witness(recorded, "console");
}

TEST(ConsoleWitness, OfAFirstBootNamesEveryTable) {
  const TrialCopy trial("arm64-6.12");
  const Evidence evidence(trial.directory());
  const auto kernels = split_at_boots(*evidence.console(Kernel::first).value());
  ASSERT_THAT(kernels, SizeIs(1));
  const ConsoleWitness witness = read_console_witness(kernels.front(), "console-first.log");
  EXPECT_EQ(witness.memreserve_root, 0x661baf98u);
  EXPECT_EQ(witness.property_table, 0x40200000u);
  EXPECT_TRUE(witness.its);
  EXPECT_FALSE(witness.preallocated);
  EXPECT_THAT(witness.warnings, IsEmpty());
  ASSERT_THAT(witness.cpus, SizeIs(4));
  const ConsoleCpu& cpu = witness.cpus.at(3);
  EXPECT_EQ(cpu.source, TableSource::allocated);
  EXPECT_EQ(cpu.table, 0x40240000u);
  EXPECT_EQ(cpu.booted_on, 3u);
  EXPECT_EQ(cpu.found_redistributor, 3u);
  EXPECT_EQ(cpu.says_table, 1);
  EXPECT_EQ(cpu.evidence, "console-first.log:128");
}

TEST(ConsoleWitness, OfACrashKernelTellsWhichCpuItRunsOn) {
  const TrialCopy trial("arm64-6.12");
  const Evidence evidence(trial.directory());
  const auto kernels = split_at_boots(*evidence.console(Kernel::second).value());
  ASSERT_THAT(kernels, SizeIs(1));
  const ConsoleWitness witness = read_console_witness(kernels.front(), "console-second.log");
  EXPECT_TRUE(witness.preallocated);
  ASSERT_THAT(witness.cpus, SizeIs(1));
  EXPECT_EQ(witness.cpus.at(0).booted_on, 1u);
  EXPECT_EQ(witness.cpus.at(0).source, TableSource::reserved);
  EXPECT_EQ(witness.cpus.at(0).table, 0x40220000u);
}

TEST(ConsoleWitness, SplitsAChain) {
  const std::vector<RecordedLine> lines = {
      {.text = "EFI stub: Booting Linux Kernel..."},
      {.text = "[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x41]"},
      {.text = "[    0.000000] Linux version 6.12"},
      {.text = "[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x41]"}};
  const auto kernels = split_at_boots(lines);
  ASSERT_THAT(kernels, SizeIs(2));
  EXPECT_THAT(kernels[0], SizeIs(2));
  EXPECT_THAT(kernels[1], SizeIs(1));
  EXPECT_THAT(split_at_boots({}), IsEmpty());
}

TEST(ConsoleWitness, KeepsWhatTheKernelWarnsOf) {
  const ConsoleWitness witness = read(
      {"[    0.1] GICv3: CPU2: Booted with LPIs enabled, memory probably corrupted",
       "[    0.2] WARNING: CPU: 2 PID: 0 at drivers/irqchip/irq-gic-v3-its.c:3129 its_cpu_init_lpis+0x1/0x2",
       "[    0.3] GICv3: Expected reserved range [0x1:0x2], not found"});
  EXPECT_TRUE(witness.cpus.at(2).warned);
  EXPECT_THAT(witness.warnings,
              ElementsAre("GICv3: CPU2: Booted with LPIs enabled, memory probably corrupted (console:1)",
                          HasSubstr("irq-gic-v3-its.c:3129"), HasSubstr("Expected reserved range")));
}

TEST(ConsoleWitness, LeavesOutWhatIsCutOffOrTooLarge) {
  const ConsoleWitness witness =
      read({"GICv3: CPU99999: using allocated LPI pending table @0x1", "GICv3: CPU",
            "GICv3: using LPI property table @0x",
            std::string(1 << 20, 'x') + "GICv3: CPU1: using allocated LPI pending table @0x1"});
  EXPECT_THAT(witness.cpus, IsEmpty());
  EXPECT_FALSE(witness.property_table);
}

}  // namespace
}  // namespace crashpath
