#include "memreserve/compare.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/evidence/directory.h"
#include "harness/evidence/ranges.h"

namespace crashpath {
namespace {

constexpr std::uint64_t kTaintCrap = 1 << 10;  // include/linux/panic.h TAINT_CRAP

std::string_view words_of(TableSource source) {
  if (source == TableSource::none) return "no pending table";
  return source == TableSource::allocated ? "an allocated pending table" : "a reserved pending table";
}

std::string yes_or_no(bool value) {
  return value ? "yes" : "no";
}

std::string words_of_table(std::uint64_t address) {
  return address == 0 ? "none" : fmt::format("{:#x}", address);
}

std::string words_of_flags(const std::vector<std::uint64_t>& flags) {
  return fmt::format("{:#x}", fmt::join(flags, " or "));
}

class Comparer {
 public:
  Comparer(const Witnesses& witnesses, const std::vector<ModelKernel>& models, Comparison& comparison)
      : witnesses_(witnesses), models_(models), comparison_(comparison) {}

  void compare_all() {
    for (std::size_t i = 0; i < models_.size(); ++i) {
      compare_console(i);
      compare_report(i);
    }
    comparison_.compared.insert(comparison_.compared.end(), {"consoles", "agent.jsonl"});
    for (const auto& list : witnesses_.lists) compare_list(list);
    for (const auto& [moment, redistributors] : witnesses_.redistributors)
      compare_redistributors(moment, redistributors);
    for (const auto& state : witnesses_.states) compare_state(state);
    if (witnesses_.writes) compare_writes(*witnesses_.writes);
  }

 private:
  void expect(bool right, std::string subject, std::string field, std::string expected, std::string got,
              std::string evidence) {
    if (right) return;
    comparison_.contradictions.push_back(
        {std::move(subject), std::move(field), std::move(expected), std::move(got), std::move(evidence)});
  }

  std::string file_of(std::size_t kernel) const {
    return std::string(witnesses_.chain[kernel].record == Kernel::first ? evidence_file::kConsoleFirst
                                                                        : evidence_file::kConsoleSecond);
  }

  const ConsoleCpu* said_by(std::size_t kernel, int cpu) const {
    const auto& cpus = witnesses_.chain[kernel].console.cpus;
    const auto found = cpus.find(cpu);
    return found == cpus.end() ? nullptr : &found->second;
  }

  /// The pending table of a redistributor, by the kernel of the chain that allocated it.
  std::uint64_t table_by(std::size_t owner, std::uint64_t redistributor) const {
    for (const auto& [number, cpu] : witnesses_.chain[owner].console.cpus)
      if (cpu.booted_on == redistributor) return cpu.table;
    return 0;
  }

  void compare_console(std::size_t i) {
    const ChainKernel& kernel = witnesses_.chain[i];
    const KernelPrediction& predicted = comparison_.predictions[i];
    const std::string file = file_of(i);
    expect(kernel.console.preallocated == predicted.preallocated, kernel.name, "uses preallocated tables",
           yes_or_no(predicted.preallocated), yes_or_no(kernel.console.preallocated), file);
    if (predicted.preallocated && i > 0) {
      const std::uint64_t before = claimed_tables(witnesses_.chain, i - 1).property;
      const std::uint64_t now = kernel.console.property_table.value_or(0);
      expect(now == before, kernel.name, "property table", words_of_table(before), words_of_table(now), file);
    }
    if (i > 0 && witnesses_.machine.model.efi)
      expect(kernel.console.memreserve_root == witnesses_.root, kernel.name, "root of the memreserve list",
             words_of_table(witnesses_.root.value_or(0)),
             words_of_table(kernel.console.memreserve_root.value_or(0)), file);
    if (witnesses_.machine.model.efi)
      for (const std::string& warning : kernel.console.warnings)
        expect(false, kernel.name, "warnings", "none", warning, file);
    for (const auto& [number, cpu] : predicted.cpus) compare_console_cpu(i, number, cpu);
  }

  void compare_console_cpu(std::size_t i, int number, const CpuPrediction& predicted) {
    const std::string subject = fmt::format("{}, CPU{}", witnesses_.chain[i].name, number);
    const ConsoleCpu* const said = said_by(i, number);
    const ConsoleCpu none;
    const ConsoleCpu& cpu = said == nullptr ? none : *said;
    const std::string evidence = cpu.evidence.empty() ? file_of(i) : cpu.evidence;
    expect(cpu.source == predicted.source || in_flight(i, number), subject, "uses",
           std::string(words_of(predicted.source)), std::string(words_of(cpu.source)), evidence);
    if (cpu.source == TableSource::none) return;
    expect(cpu.says_table == 1, subject, "times that it says so", "1", std::to_string(cpu.says_table),
           evidence);
    expect(cpu.warned == predicted.warns, subject, "booted with LPIs enabled", yes_or_no(predicted.warns),
           yes_or_no(cpu.warned), evidence);
    expect(cpu.found_redistributor == cpu.booted_on, subject, "redistributor",
           std::to_string(cpu.booted_on.value_or(0)),
           cpu.found_redistributor ? std::to_string(*cpu.found_redistributor) : "none", evidence);
    if (!predicted.owner || *predicted.owner == i || !cpu.booted_on) return;
    const std::uint64_t table = table_by(*predicted.owner, *cpu.booted_on);
    expect(cpu.table == table, subject, "pending table",
           fmt::format("{} of {}", words_of_table(table), witnesses_.chain[*predicted.owner].name),
           words_of_table(cpu.table), evidence);
  }

  bool in_flight(std::size_t kernel, int cpu) const {
    return std::any_of(models_[kernel].cpus.begin(), models_[kernel].cpus.end(), [cpu](const ModelCpu& each) {
      return each.cpu == cpu && each.onlined == Onlined::in_flight;
    });
  }

  void compare_report(std::size_t i) {
    const ChainKernel& kernel = witnesses_.chain[i];
    const auto& state = comparison_.predictions[i].hotplug_state;
    if (!kernel.agent.hotplug_state)
      expect(false, kernel.name, "hotplug states", "a report of them", "none",
             std::string(evidence_file::kAgent));
    else if (state)
      expect(*state == *kernel.agent.hotplug_state, kernel.name, "hotplug state memreserve:online",
             *state ? "registered" : "gone", *kernel.agent.hotplug_state ? "registered" : "gone",
             std::string(evidence_file::kAgent));
    if (witnesses_.machine.model.efi && kernel.agent.tainted)
      expect((*kernel.agent.tainted & kTaintCrap) == 0, kernel.name, "tainted by TAINT_CRAP", "no", "yes",
             std::string(evidence_file::kAgent));
    if (kernel.agent.iomem && witnesses_.machine.model.efi) compare_iomem(i, *kernel.agent.iomem);
  }

  /// Where these tables lie in memory of its own, a kernel must have them reserved.
  void compare_iomem(std::size_t i, const std::vector<IomemEntry>& iomem) {
    const ClaimedTables tables = claimed_tables(witnesses_.chain, i);
    const auto ram = normalized(ranges_named(iomem, "System RAM"));
    const auto reserved = normalized(ranges_named(iomem, "reserved"));
    const auto look = [&](std::uint64_t address, const std::string& which) {
      if (address == 0) return;
      const Range table = lpi_table(address);
      const std::vector<Range> outside = subtract({table}, ram);
      const bool foreign = outside == std::vector{table};
      expect(foreign || subtract({table}, reserved).empty(), witnesses_.chain[i].name, "/proc/iomem",
             fmt::format("{} {} reserved", which, to_string(table)), "it is free for use",
             std::string(evidence_file::kAgent));
    };
    look(tables.property, "property table");
    for (const auto& [redistributor, address] : tables.pending)
      if (!came_after_report(witnesses_.chain[i], redistributor))
        look(address, fmt::format("pending table of redistributor {}", redistributor));
  }

  /// Its table was allocated by a CPU that the kernel, when it was asked, had not been seen to have online.
  static bool came_after_report(const ChainKernel& kernel, std::uint64_t redistributor) {
    return std::any_of(kernel.console.cpus.begin(), kernel.console.cpus.end(), [&](const auto& each) {
      const auto& [number, cpu] = each;
      return cpu.booted_on == redistributor && cpu.source == TableSource::allocated &&
             !kernel.agent.seen_online.contains(number);
    });
  }

  void compare_list(const From<MemreserveList>& from) {
    const std::string subject = fmt::format("the list in {}", from.file);
    if (!from.value) {
      comparison_.lacking.push_back(fmt::format("{}: {}", subject, from.value.error().message()));
      return;
    }
    comparison_.compared.push_back(fmt::format("list of {}", from.file));
    const std::size_t kernel = kernel_of(from.file);
    const ClaimedTables tables = claimed_tables(witnesses_.chain, kernel);
    const auto once = [&](std::uint64_t address, const std::string& which, bool maybe) {
      const std::size_t count = address == 0 ? 0 : count_of(*from.value, lpi_table(address));
      expect(count == 1 || (maybe && count == 0), subject, fmt::format("entries of {} {:#x}", which, address),
             "1", std::to_string(count), from.file);
    };
    if (tables.property != 0) once(tables.property, "property table", false);
    for (const auto& [redistributor, address] : tables.pending)
      once(address, fmt::format("redistributor {}'s pending table", redistributor), came_late(redistributor));
    const KernelPrediction& predicted = comparison_.predictions[kernel];
    const std::size_t used = tables.pending.size() + (tables.property != 0 ? 1 : 0);
    expect(used >= predicted.least_entries && used <= predicted.most_entries, subject, "tables to reserve",
           predicted.least_entries == predicted.most_entries
               ? std::to_string(predicted.most_entries)
               : fmt::format("{} to {}", predicted.least_entries, predicted.most_entries),
           std::to_string(used), from.file);
  }

  /// Which kernel's account a file of memory is: the dump and late moments show what the last kernel made of
  /// it.
  std::size_t kernel_of(std::string_view file) const {
    for (const Moment moment : kMoments)
      if (file == evidence_file::saved_memory(moment)) return witnesses_.kernel_at(moment).value_or(0);
    return models_.size() - 1;
  }

  bool came_late(std::uint64_t redistributor) const { return witnesses_.late.contains(redistributor); }

  void compare_redistributors(Moment moment, const From<std::vector<GicRedistributor>>& from) {
    const auto kernel = witnesses_.kernel_at(moment);
    if (!from.value || !kernel) {
      comparison_.lacking.push_back(fmt::format(
          "{}: {}", from.file, from.value ? "no kernel had booted" : from.value.error().message()));
      return;
    }
    comparison_.compared.push_back(from.file);
    const ClaimedTables tables = claimed_tables(witnesses_.chain, *kernel);
    for (std::size_t i = 0; i < from.value->size(); ++i) {
      const GicRedistributor& each = (*from.value)[i];
      const auto table = tables.pending.find(i);
      const bool used = table != tables.pending.end();
      const std::string subject = fmt::format("redistributor {} at moment {}", i, to_string(moment));
      expect(each.lpis_enabled() == used || came_late(i), subject, "GICR_CTLR.EnableLPIs", used ? "1" : "0",
             each.lpis_enabled() ? "1" : "0", from.file);
      if (!used || !each.lpis_enabled()) continue;
      expect(each.pending_table() == table->second, subject, "GICR_PENDBASER", words_of_table(table->second),
             words_of_table(each.pending_table()), from.file);
      expect(each.property_table() == tables.property, subject, "GICR_PROPBASER",
             words_of_table(tables.property), words_of_table(each.property_table()), from.file);
    }
  }

  void compare_state(const From<LpiState>& from) {
    if (!from.value) {
      comparison_.lacking.push_back(
          fmt::format("the kernel's own state in {}: {}", from.file, from.value.error().message()));
      return;
    }
    if (!witnesses_.crashed) return;
    comparison_.compared.push_back(fmt::format("gic_rdists of {}", from.file));
    const std::size_t kernel = *witnesses_.crashed;
    const KernelPrediction& predicted = comparison_.predictions[kernel];
    const std::string subject = witnesses_.chain[kernel].name;
    const bool preallocated = (from.value->flags & kRdistsTablesPreallocated) != 0;
    expect(preallocated == predicted.preallocated, subject,
           "gic_rdists->flags: RDIST_FLAGS_RD_TABLES_PREALLOCATED", yes_or_no(predicted.preallocated),
           yes_or_no(preallocated), from.file);
    const std::uint64_t property = claimed_tables(witnesses_.chain, kernel).property;
    expect(from.value->property_table == property, subject, "gic_rdists->prop_table_pa",
           words_of_table(property), words_of_table(from.value->property_table), from.file);
    for (const auto& [number, cpu] : predicted.cpus) {
      const auto found = from.value->cpus.find(number);
      if (found != from.value->cpus.end()) compare_cpu_state(kernel, number, cpu, found->second, from.file);
    }
  }

  void compare_cpu_state(std::size_t kernel, int number, const CpuPrediction& predicted,
                         const CpuLpiState& state, const std::string& file) {
    const std::string subject = fmt::format("{}, CPU{}", witnesses_.chain[kernel].name, number);
    if (!state.flags)
      comparison_.lacking.push_back(fmt::format("{}: {}", subject, state.flags.error().message()));
    else if (!predicted.flags.empty())
      expect(std::find(predicted.flags.begin(), predicted.flags.end(), *state.flags) != predicted.flags.end(),
             subject, "rdist->flags", words_of_flags(predicted.flags), fmt::format("{:#x}", *state.flags),
             file);
    if (!state.pending_table) {
      comparison_.lacking.push_back(fmt::format("{}: {}", subject, state.pending_table.error().message()));
      return;
    }
    const std::uint64_t page = *state.pending_table;
    if (predicted.has_page)
      expect(*predicted.has_page == (page != 0), subject, "rdist->pend_page",
             *predicted.has_page ? "a page of its own" : "NULL", words_of_table(page), file);
    const ConsoleCpu* const said = said_by(kernel, number);
    if (page != 0 && said != nullptr && said->source == TableSource::allocated)
      expect(page == said->table, subject, "rdist->pend_page", words_of_table(said->table),
             words_of_table(page), file);
  }

  /// A table must be given before EnableLPIs is set, and neither may change afterwards: the redistributor
  /// reads and writes these tables from then on (IHI 0069, GICR_CTLR, GICR_PENDBASER).
  void compare_writes(const std::vector<GicRedistributorWrite>& writes) {
    const std::string file(evidence_file::kTraceLog);
    comparison_.compared.push_back(file);
    std::map<std::uint64_t, GicRedistributor> seen;
    std::map<std::uint64_t, int> enabled;
    for (const GicRedistributorWrite& write : writes) {
      const std::uint64_t number = vcpu_of_affinity(write.affinity);
      GicRedistributor& each = seen[number];
      const std::string subject = fmt::format("redistributor {}", number);
      if (write.offset == kGicrCtlr) {
        const bool was = each.lpis_enabled();
        each.ctlr = write.data;
        if (was && witnesses_.machine.model.efi)
          expect(each.lpis_enabled(), subject, "GICR_CTLR.EnableLPIs", "stays set", "was cleared", file);
        if (!was && each.lpis_enabled()) ++enabled[number];
      }
      if (write.offset != kGicrPendbaser && write.offset != kGicrPropbaser) continue;
      expect(!each.lpis_enabled(), subject,
             write.offset == kGicrPendbaser ? "GICR_PENDBASER" : "GICR_PROPBASER",
             "not written while LPIs are enabled", fmt::format("written: {:#x}", write.data), file);
    }
    if (!witnesses_.machine.model.efi) return;
    for (const auto& [number, times] : enabled)
      expect(times == 1, fmt::format("redistributor {}", number), "times that LPIs were enabled", "1",
             std::to_string(times), file);
  }

  const Witnesses& witnesses_;
  const std::vector<ModelKernel>& models_;
  Comparison& comparison_;
};

}  // namespace

std::string to_string(const Contradiction& each) {
  return fmt::format("{}: {}: expected {}, got {} ({})", each.subject, each.field, each.expected, each.got,
                     each.evidence);
}

Comparison compare(const Witnesses& witnesses, const std::vector<ModelKernel>& models) {
  Comparison comparison;
  if (models.empty()) return comparison;
  comparison.predictions = predict(witnesses.machine.model, models);
  Comparer(witnesses, models, comparison).compare_all();
  return comparison;
}

}  // namespace crashpath
