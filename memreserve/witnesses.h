#pragma once

// The witnesses of a guest's LPI tables side by side, each read by its own reader: consoles and agents of the
// chain, the memreserve list in the guest's memory, the kernel's own structures, and the hypervisor's
// redistributors.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/evidence/gic_redistributors.h"
#include "memreserve/chain.h"
#include "memreserve/list.h"
#include "memreserve/lpi_state.h"
#include "memreserve/table_memory.h"

namespace crashpath {

/// What was read out of one file of the evidence.
template <class T>
struct From {
  std::string file;  ///< "vmcore.kdump", "memory-armed.elf", "device-state-armed.json"
  Result<T> value;   ///< an error where the file is there but does not tell
};

struct Witnesses {
  TrialMachine machine;
  std::vector<ChainKernel> chain;
  std::optional<std::size_t>
      crashed;  ///< the last kernel before the crash kernel: whose dump and state there are
  std::optional<std::uint64_t> root;  ///< of the memreserve list, by the first kernel's console
  std::set<std::uint64_t> late;       ///< find_late()
  std::vector<From<MemreserveList>> lists;
  std::vector<From<LpiState>> states;  ///< of the crashed kernel
  /// Of the LPI tables that the kernels up to the crashed one said they use.
  std::vector<From<std::vector<TableMemory>>> tables;
  std::map<Moment, From<std::vector<GicRedistributor>>> redistributors;
  std::optional<std::vector<GicRedistributorWrite>> writes;  ///< when the scenario traced them

  /// The last kernel that has run at that moment; none when nothing booted.
  std::optional<std::size_t> kernel_at(Moment moment) const;
};

/// An error only where the evidence as a whole cannot be read.
Result<Witnesses> gather_witnesses(const Evidence& evidence);

/// The tables that kernels said they use, by redistributor; 0 for the property table where none said it.
struct ClaimedTables {
  std::uint64_t property = 0;
  std::map<std::uint64_t, std::uint64_t> pending;
};
/// After the kernels of the chain up to and with `last`.
ClaimedTables claimed_tables(const std::vector<ChainKernel>& chain, std::size_t last);

/// What became of all of these tables.
std::vector<TableMemory> read_tables(const KernelState& kernel, const ClaimedTables& claimed);

inline Range lpi_table(std::uint64_t address) {
  return {address, address + kLpiTableSize};
}

}  // namespace crashpath
