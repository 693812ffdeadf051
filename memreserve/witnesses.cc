#include "memreserve/witnesses.h"

#include <algorithm>
#include <numeric>

#include "harness/base/file.h"
#include "harness/evidence/device_state.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/saved_memory.h"
#include "harness/evidence/vmcore.h"

namespace crashpath {
namespace {

/// A bound for the address of a CPU's part of struct rdists; more than any machine of ours has.
constexpr int kMostCpus = 512;

Result<MemreserveList> list_of_vmcore(const Evidence& evidence, std::uint64_t root) {
  return read_memreserve_list(root, *CP_TRY(evidence.vmcore()));
}

Result<MemreserveList> list_of_moment(const Evidence& evidence, Moment moment, std::uint64_t root) {
  return read_memreserve_list(root, *CP_TRY(evidence.saved_memory(moment)));
}

Result<LpiState> state_of_vmcore(const Evidence& evidence, std::span<const int> cpus) {
  const Vmcoreinfo& vmcoreinfo = CP_TRY(evidence.vmcore())->vmcoreinfo();
  return read_lpi_state(*CP_TRY(evidence.kernel_state()), vmcoreinfo, cpus);
}

Result<LpiState> state_of_moment(const Evidence& evidence, Moment moment, std::span<const int> cpus) {
  const Vmcoreinfo vmcoreinfo = CP_TRY(evidence.saved_memory(moment))->vmcoreinfo();
  return read_lpi_state(*CP_TRY(evidence.kernel_state(moment)), vmcoreinfo, cpus);
}

Result<std::vector<TableMemory>> tables_of(Result<const KernelState*> kernel, const ClaimedTables& claimed) {
  return read_tables(*CP_TRY(std::move(kernel)), claimed);
}

Result<std::vector<GicRedistributor>> redistributors_of(const Evidence& evidence, Moment moment) {
  return gic_redistributors(*CP_TRY(evidence.device_state(moment)));
}

void read_memory(const Evidence& evidence, Witnesses& witnesses) {
  std::vector<int> cpus(static_cast<std::size_t>(std::clamp(witnesses.machine.cpus, 0, kMostCpus)));
  std::iota(cpus.begin(), cpus.end(), 0);
  const ClaimedTables claimed = claimed_tables(witnesses.chain, witnesses.crashed.value_or(0));
  if (const auto file = evidence.vmcore_file()) {
    witnesses.tables.push_back({std::string(*file), tables_of(evidence.kernel_state(), claimed)});
    witnesses.states.push_back({std::string(*file), state_of_vmcore(evidence, cpus)});
    if (witnesses.root)
      witnesses.lists.push_back({std::string(*file), list_of_vmcore(evidence, *witnesses.root)});
  }
  for (const Moment moment : kMoments) {
    const std::string file = evidence_file::saved_memory(moment);
    if (!evidence.has(file)) continue;
    if (witnesses.root) witnesses.lists.push_back({file, list_of_moment(evidence, moment, *witnesses.root)});
    witnesses.tables.push_back({file, tables_of(evidence.kernel_state(moment), claimed)});
    // Later the crashed kernel is gone, and nobody has changed what it left.
    if (moment == Moment::armed) witnesses.states.push_back({file, state_of_moment(evidence, moment, cpus)});
  }
}

}  // namespace

std::optional<std::size_t> Witnesses::kernel_at(Moment moment) const {
  if (chain.empty()) return std::nullopt;
  return moment == Moment::armed || moment == Moment::crash ? crashed : chain.size() - 1;
}

Result<Witnesses> gather_witnesses(const Evidence& evidence) {
  Witnesses witnesses;
  witnesses.machine = CP_TRY(read_trial_machine(evidence));
  witnesses.chain = CP_TRY(read_chain(evidence));
  witnesses.late = CP_TRY(find_late(evidence, witnesses.chain));
  for (std::size_t i = 0; i < witnesses.chain.size(); ++i)
    if (witnesses.chain[i].record == Kernel::first) witnesses.crashed = i;
  if (!witnesses.chain.empty()) witnesses.root = witnesses.chain.front().console.memreserve_root;
  read_memory(evidence, witnesses);
  for (const Moment moment : kMoments) {
    const std::string file = evidence_file::device_state(moment);
    if (evidence.has(file))
      witnesses.redistributors.emplace(
          moment, From<std::vector<GicRedistributor>>{file, redistributors_of(evidence, moment)});
  }
  if (evidence.has(evidence_file::kTraceLog))
    witnesses.writes = parse_redistributor_writes(CP_TRY(read_file(evidence.path(evidence_file::kTraceLog))));
  return witnesses;
}

std::vector<TableMemory> read_tables(const KernelState& kernel, const ClaimedTables& claimed) {
  std::vector<TableMemory> tables;
  if (claimed.property != 0)
    tables.push_back(read_table_memory(kernel, LpiTable::property, claimed.property));
  for (const auto& [redistributor, address] : claimed.pending)
    tables.push_back(read_table_memory(kernel, LpiTable::pending, address));
  return tables;
}

ClaimedTables claimed_tables(const std::vector<ChainKernel>& chain, std::size_t last) {
  ClaimedTables tables;
  for (std::size_t i = 0; i <= last && i < chain.size(); ++i) {
    const ConsoleWitness& console = chain[i].console;
    if (console.property_table) tables.property = *console.property_table;
    for (const auto& [number, cpu] : console.cpus)
      if (cpu.source != TableSource::none && cpu.booted_on) tables.pending[*cpu.booted_on] = cpu.table;
  }
  return tables;
}

}  // namespace crashpath
