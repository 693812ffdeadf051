#pragma once

// What one kernel says of its LPI tables on the console (drivers/irqchip/irq-gic-v3.c, irq-gic-v3-its.c,
// drivers/firmware/efi/efi.c), and which CPUs arm64 says that it brought up (arch/arm64/kernel/smp.c).

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/evidence/evidence.h"
#include "memreserve/model.h"

namespace crashpath {

struct ConsoleCpu {
  /// Which redistributor is its own, as QEMU numbers its vCPUs, by the affinity that arm64 prints when the
  /// CPU comes up: "CPU1: Booted secondary processor 0x0000000001", "Booting Linux on physical CPU
  /// 0x0000000000".
  std::optional<std::uint64_t> booted_on;
  double booted_at = 0;  ///< host time of the first such line
  /// And by what the GICv3 driver prints: "CPU1: found redistributor 1 region 0:0x00000000080c0000".
  std::optional<std::uint64_t> found_redistributor;
  /// "GICv3: CPU1: using allocated LPI pending table @0x0000000040220000", the last such line.
  TableSource source = TableSource::none;
  std::uint64_t table = 0;
  int says_table = 0;    ///< how many such lines there are
  bool warned = false;   ///< "GICv3: CPU1: Booted with LPIs enabled, memory probably corrupted"
  std::string evidence;  ///< "console-first.log:95"
};

struct ConsoleWitness {
  bool booted = false;                           ///< there is anything at all of this kernel
  std::optional<std::uint64_t> memreserve_root;  ///< MEMRESERVE= of the line "efi: ..."
  bool its = false;                              ///< "ITS [mem 0x08080000-0x0809ffff]"
  bool preallocated = false;                     ///< "GICv3: Using preallocated redistributor tables"
  std::optional<std::uint64_t> property_table;   ///< "GICv3: using LPI property table @0x0000000040200000"
  std::map<int, ConsoleCpu> cpus;
  std::vector<std::string> warnings;  ///< what it found wrong with the tables, with file and line
};

/// `file`: where the lines stand, for messages. Lines are the guest's word; what is no such line is left out.
ConsoleWitness read_console_witness(std::span<const RecordedLine> lines, std::string_view file);

/// The kernels that ran on one console, each from its "Booting Linux on physical CPU" on. What stands before
/// the first one (firmware, EFI stub) is left out.
std::vector<std::span<const RecordedLine>> split_at_boots(std::span<const RecordedLine> lines);

}  // namespace crashpath
