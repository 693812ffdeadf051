#include "memreserve/checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/evidence/directory.h"
#include "harness/evidence/ranges.h"
#include "memreserve/callback_context.h"
#include "memreserve/compare.h"
#include "memreserve/show.h"
#include "memreserve/tables_kept.h"

namespace crashpath {
namespace {

using Judge = Result<CheckResult> (*)(const Evidence&, const Witnesses&, const CheckParameters&);

/// The first few of them, and how many there are.
std::string some_of(const std::vector<std::string>& words) {
  constexpr std::size_t kMost = 4;
  std::string text = fmt::format(
      "{}", fmt::join(words.begin(),
                      words.begin() + static_cast<std::ptrdiff_t>(std::min(kMost, words.size())), "; "));
  if (words.size() > kMost) text += fmt::format("; and {} more", words.size() - kMost);
  return text;
}

/// Pass without problems, else fail with them.
CheckResult verdict(std::string expected, std::string found, const std::vector<std::string>& problems,
                    std::string_view evidence) {
  return problems.empty() ? CheckResult::pass(std::move(expected), std::move(found), evidence)
                          : CheckResult::fail(std::move(expected), some_of(problems), evidence);
}

/// A check of what a machine with a GICv3, an ITS and UEFI has; a skip on any other.
Check check(std::string name, std::string summary, Judge judge, std::vector<ParameterSpec> parameters = {}) {
  return {.name = std::move(name),
          .summary = std::move(summary),
          .parameters = std::move(parameters),
          .run = [judge](const Evidence& evidence, const CheckParameters& given) -> Result<CheckResult> {
            const Witnesses witnesses = CP_TRY(gather_witnesses(evidence));
            if (!witnesses.machine.nothing_to_reserve.empty())
              return CheckResult::skip(witnesses.machine.nothing_to_reserve);
            return judge(evidence, witnesses, given);
          }};
}

/// The lists that could be walked. None is an error, and so is one whose root could not be read, unless this
/// evidence just leaves it out.
Result<std::vector<std::pair<std::string, const MemreserveList*>>> lists_of(const Witnesses& witnesses) {
  if (!witnesses.root)
    return Error::guest("the first kernel's console has no MEMRESERVE= in its \"efi:\" line");
  std::vector<std::pair<std::string, const MemreserveList*>> lists;
  std::string last_words = "there is neither a dump nor saved memory";
  for (const auto& from : witnesses.lists) {
    if (from.value)
      lists.emplace_back(from.file, &*from.value);
    else if (from.value.error().fault() == Fault::lacks)
      last_words = fmt::format("{}: {}", from.file, from.value.error().message());
    else
      return Error(from.value.error()).within(from.file);
  }
  if (lists.empty()) return Error::guest(fmt::format("the memreserve list cannot be read: {}", last_words));
  return lists;
}

std::string summary_of(const MemreserveList& list) {
  return fmt::format("{} entries on {} page{}", list.entries.size(), list.nodes.size() - 1,
                     list.nodes.size() == 2 ? "" : "s");
}

Result<CheckResult> list_well_formed(const Evidence&, const Witnesses& witnesses, const CheckParameters&) {
  const std::string expected = "a list that ends, of ranges in memory, each reserved once";
  const auto& iomem = witnesses.chain.front().agent.iomem;
  if (!iomem) return Error::guest("kernel 0 reported no /proc/iomem");
  const auto ram = normalized(ranges_named(*iomem, "System RAM"));
  std::vector<std::string> problems;
  std::vector<std::string> found;
  const auto lists = CP_TRY(lists_of(witnesses));
  for (const auto& [file, list] : lists) {
    for (const std::string& problem : list->problems)
      problems.push_back(fmt::format("{}: {}", file, problem));
    for (const std::string& problem : find_outside_ram(*list, ram))
      problems.push_back(fmt::format("{}: {}", file, problem));
    found.push_back(fmt::format("{}: {}", file, summary_of(*list)));
  }
  return verdict(expected, fmt::format("{}", fmt::join(found, ", ")), problems, lists.front().first);
}

Result<CheckResult> every_table_reserved_once(const Evidence&, const Witnesses& witnesses,
                                              const CheckParameters& parameters) {
  const auto extra = static_cast<std::size_t>(
      std::max(std::int64_t{0}, parameter<std::int64_t>(parameters, "extra").value_or(0)));
  const std::string expected = fmt::format(
      "one entry of 64 KiB for each LPI table that a kernel gave to the GIC, and {} others", extra);
  if (!witnesses.crashed) return Error::guest("no kernel booted");
  const ClaimedTables tables = claimed_tables(witnesses.chain, *witnesses.crashed);
  if (tables.property == 0 || tables.pending.empty())
    return Error::guest("no kernel says on the console which LPI tables it uses");
  const auto lists = CP_TRY(lists_of(witnesses));
  std::vector<std::string> problems;
  for (const auto& [file, list] : lists) {
    std::size_t of_tables = 0;
    const auto look = [&, &file = file, &list = list](std::uint64_t address, const std::string& which,
                                                      bool maybe) {
      const std::size_t count = count_of(*list, lpi_table(address));
      of_tables += count;
      if (count != 1 && !(maybe && count == 0))
        problems.push_back(
            fmt::format("{}: {} {} is reserved {} times", file, which, to_string(lpi_table(address)), count));
    };
    look(tables.property, "the property table", false);
    for (const auto& [redistributor, address] : tables.pending)
      look(address, fmt::format("redistributor {}'s pending table", redistributor),
           witnesses.late.contains(redistributor));
    if (list->entries.size() - of_tables != extra)
      problems.push_back(
          fmt::format("{}: {} entries are of no table", file, list->entries.size() - of_tables));
  }
  return verdict(expected,
                 fmt::format("1 property table and {} pending tables, each once", tables.pending.size()),
                 problems, lists.front().first);
}

/// What a redistributor uses against the list; false when it uses nothing. `late`: its pending table need not
/// be reserved yet.
bool look_at(const GicRedistributor& each, std::size_t number, bool late, const std::string& file,
             const MemreserveList& list, std::map<std::uint64_t, std::size_t>& users,
             std::vector<std::string>& problems) {
  if (!each.lpis_enabled()) return false;
  const auto reserved = [&](std::uint64_t address, std::string_view which) {
    if (count_of(list, lpi_table(address)) == 0)
      problems.push_back(fmt::format("{}: redistributor {} uses {} {:#x}, which is not reserved", file,
                                     number, which, address));
  };
  reserved(each.property_table(), "property table");
  if (!late) reserved(each.pending_table(), "pending table");
  const auto [user, first] = users.emplace(each.pending_table(), number);
  if (!first)
    problems.push_back(fmt::format("{}: redistributors {} and {} share pending table {:#x}", file,
                                   user->second, number, each.pending_table()));
  return true;
}

Result<CheckResult> redistributors_use_reservations(const Evidence&, const Witnesses& witnesses,
                                                    const CheckParameters&) {
  const std::string expected = "whatever LPI table a redistributor uses is in the list, and is its own";
  const MemreserveList& list = *CP_TRY(lists_of(witnesses)).front().second;
  if (witnesses.redistributors.empty())
    return Error::host("no state of the devices was recorded: there is no device-state-*.json");
  std::vector<std::string> problems;
  std::vector<std::string> found;
  std::string evidence;
  for (const auto& [moment, from] : witnesses.redistributors) {
    if (!from.value) return Error(from.value.error()).within(from.file);
    std::map<std::uint64_t, std::size_t> users;
    std::size_t enabled = 0;
    for (std::size_t i = 0; i < from.value->size(); ++i)
      enabled +=
          look_at((*from.value)[i], i, witnesses.late.contains(i), from.file, list, users, problems) ? 1 : 0;
    if (enabled == 0) problems.push_back(fmt::format("{}: no redistributor has LPIs enabled", from.file));
    found.push_back(
        fmt::format("{}: {} of {} with LPIs enabled", to_string(moment), enabled, from.value->size()));
    evidence = from.file;
  }
  return verdict(expected, fmt::format("{}", fmt::join(found, ", ")), problems, evidence);
}

/// What a kernel that was started by another one has to say of the tables that it found.
void look_at_heir(const ChainKernel& kernel, const ClaimedTables& before,
                  std::vector<std::string>& problems) {
  const auto problem = [&](std::string words) {
    problems.push_back(fmt::format("{} {}", kernel.name, std::move(words)));
  };
  if (!kernel.console.preallocated) problem("does not say \"Using preallocated redistributor tables\"");
  if (kernel.console.property_table != before.property)
    problem(fmt::format("uses property table {:#x} and not {:#x}", kernel.console.property_table.value_or(0),
                        before.property));
  for (const auto& [number, cpu] : kernel.console.cpus) {
    const auto table = cpu.booted_on ? before.pending.find(*cpu.booted_on) : before.pending.end();
    if (table == before.pending.end()) continue;
    if (cpu.source != TableSource::reserved)
      problem(fmt::format("does not say that CPU{} uses its reserved pending table", number));
    else if (cpu.table != table->second)
      problem(fmt::format("says that CPU{} uses pending table {:#x} and not {:#x}", number, cpu.table,
                          table->second));
  }
  for (const std::string& warning : kernel.console.warnings) problem(fmt::format("warns: {}", warning));
}

/// Memory of its own that a kernel would give out although tables lie there.
void look_at_memory(const ChainKernel& kernel, const ClaimedTables& tables,
                    std::vector<std::string>& problems) {
  const auto ram = normalized(ranges_named(*kernel.agent.iomem, "System RAM"));
  const auto reserved = normalized(ranges_named(*kernel.agent.iomem, "reserved"));
  std::vector<Range> all = {lpi_table(tables.property)};
  for (const auto& [redistributor, address] : tables.pending) all.push_back(lpi_table(address));
  for (const Range& table : all) {
    const auto free = subtract(subtract({table}, subtract({table}, ram)), reserved);
    if (!free.empty())
      problems.push_back(fmt::format("{} has {} of an LPI table as memory of its own in /proc/iomem",
                                     kernel.name, to_string(free)));
  }
}

/// The redistributors as the last kernel has them against what they were before the crash.
void look_at_change(const Witnesses& witnesses, std::vector<std::string>& problems) {
  const auto before = witnesses.redistributors.find(Moment::armed);
  const auto after = witnesses.redistributors.find(Moment::second_kernel);
  const auto end = witnesses.redistributors.end();
  if (before == end || after == end || !before->second.value || !after->second.value) return;
  const std::size_t count = std::min(before->second.value->size(), after->second.value->size());
  for (std::size_t i = 0; i < count; ++i) {
    const GicRedistributor& was = (*before->second.value)[i];
    const GicRedistributor& is = (*after->second.value)[i];
    if (!was.lpis_enabled()) continue;
    if (!is.lpis_enabled() || is.pending_table() != was.pending_table() ||
        is.property_table() != was.property_table())
      problems.push_back(
          fmt::format("{}: redistributor {} had LPIs enabled with tables {:#x} and {:#x}, now EnableLPIs is "
                      "{} with {:#x} and {:#x}",
                      after->second.file, i, was.property_table(), was.pending_table(),
                      is.lpis_enabled() ? 1 : 0, is.property_table(), is.pending_table()));
  }
}

Result<CheckResult> second_kernel_honours(const Evidence& evidence, const Witnesses& witnesses,
                                          const CheckParameters&) {
  const std::string expected =
      "every kernel takes over the tables of the one before it, and gives none of them away";
  if (witnesses.chain.size() < 2) {
    if (CP_TRY(evidence.trial())->contains("trigger")) return Error::guest("no second kernel has booted");
    return CheckResult::skip("only one kernel ran");
  }
  std::vector<std::string> problems;
  std::size_t taken_over = 0;
  for (std::size_t i = 1; i < witnesses.chain.size(); ++i) {
    const ChainKernel& kernel = witnesses.chain[i];
    if (!kernel.console.booted) return Error::guest(fmt::format("there is no console of {}", kernel.name));
    if (!kernel.agent.iomem) return Error::guest(fmt::format("{} reported no /proc/iomem", kernel.name));
    const ClaimedTables before = claimed_tables(witnesses.chain, i - 1);
    look_at_heir(kernel, before, problems);
    look_at_memory(kernel, before, problems);
    for (const auto& [number, cpu] : kernel.console.cpus)
      taken_over += cpu.source == TableSource::reserved ? 1 : 0;
  }
  look_at_change(witnesses, problems);
  return verdict(expected,
                 fmt::format("{} kernels after the first took over {} pending tables",
                             witnesses.chain.size() - 1, taken_over),
                 problems, evidence_file::kConsoleSecond);
}

Result<CheckResult> host_and_vmcore_agree(const Evidence& evidence, const Witnesses& witnesses,
                                          const CheckParameters&) {
  const std::string expected = "the dump has the list that the host saw";
  const std::string dump(CP_TRY(evidence.vmcore_file()));
  const auto lists = CP_TRY(lists_of(witnesses));
  if (lists.front().first != dump) return Error::guest(fmt::format("the list cannot be read in {}", dump));
  const MemreserveList& dumped = *lists.front().second;
  std::vector<std::string> problems;
  std::vector<std::string> compared;
  for (const auto& [file, list] : lists) {
    if (file == dump) continue;
    // A table that was reserved after that moment is in the dump alone.
    const std::size_t later = file == evidence_file::saved_memory(Moment::armed) ? witnesses.late.size() : 0;
    compared.push_back(file);
    for (const MemreserveEntry& entry : list->entries)
      if (count_of(dumped, entry.range) != count_of(*list, entry.range))
        problems.push_back(fmt::format("{} has {} {} times, {} has it {} times", file, to_string(entry.range),
                                       count_of(*list, entry.range), dump, count_of(dumped, entry.range)));
    if (dumped.entries.size() < list->entries.size() || dumped.entries.size() > list->entries.size() + later)
      problems.push_back(
          fmt::format("{} has {}, {} has {}", file, summary_of(*list), dump, summary_of(dumped)));
  }
  if (compared.empty())
    return Error::host("the host saved no memory: there is no memory-*.elf with the list");
  return verdict(expected,
                 fmt::format("{} in {} and in {}", summary_of(dumped), dump, fmt::join(compared, ", ")),
                 problems, dump);
}

/// Of any arm64 machine: what must not be there on one without an ITS is predicted, too.
Result<CheckResult> follows_model(const Evidence& evidence, const CheckParameters&) {
  const std::string expected = "every witness says what the driver's rules predict";
  if (CP_TRY(evidence.architecture()) != "arm64") return CheckResult::skip("only arm64 has a GICv3");
  const Witnesses witnesses = CP_TRY(gather_witnesses(evidence));
  if (witnesses.chain.empty()) return Error::guest("no kernel booted");
  const Comparison comparison =
      compare(witnesses, CP_TRY(to_model(evidence, witnesses.chain, witnesses.machine)));
  std::vector<std::string> problems;
  for (const Contradiction& each : comparison.contradictions) problems.push_back(to_string(each));
  std::string found =
      fmt::format("{} kernels agree in {}", witnesses.chain.size(), fmt::join(comparison.compared, ", "));
  if (!comparison.lacking.empty()) found += fmt::format("; not compared: {}", some_of(comparison.lacking));
  return verdict(expected, std::move(found), problems,
                 comparison.contradictions.empty() ? std::string(evidence_file::kConsoleFirst)
                                                   : comparison.contradictions.front().evidence);
}

Result<CheckResult> tables_kept(const Evidence&, const Witnesses& witnesses, const CheckParameters&) {
  return judge_tables_kept(witnesses);
}

Result<CheckResult> callback_may_sleep(const Evidence& evidence, const Witnesses&, const CheckParameters&) {
  return judge_callback_context(CP_TRY(read_callback_context(evidence)));
}

/// What the checks walk in the guest's memory is kept by walking it.
Result<std::vector<Range>> memory_to_keep(const KernelState& kernel, const Evidence& evidence,
                                          Moment moment) {
  const TrialMachine machine = CP_TRY(read_trial_machine(evidence));
  if (!machine.nothing_to_reserve.empty()) return std::vector<Range>();
  const auto chain = CP_TRY(read_chain(evidence));
  std::vector<int> cpus;
  for (int cpu = 0; cpu < machine.cpus; ++cpu) cpus.push_back(cpu);
  // Later this kernel is gone, and its dump has the rest. One without the symbol has a list all the same.
  if (moment == Moment::armed) (void)read_lpi_state(kernel, Vmcoreinfo(), cpus);
  (void)read_tables(kernel, claimed_tables(chain, chain.size()));
  if (chain.empty() || !chain.front().console.memreserve_root)
    return Error::guest("the first kernel's console has no MEMRESERVE= in its \"efi:\" line");
  return memory_of(CP_TRY(read_memreserve_list(*chain.front().console.memreserve_root, kernel.memory())));
}

}  // namespace

void register_memreserve_checks(CheckRegistry& registry) {
  registry.add(check("memreserve.list-well-formed",
                     "the EFI memreserve list is whole, in the dump and in memory", list_well_formed));
  registry.add(check("memreserve.every-table-reserved-once",
                     "each LPI table has one entry in the memreserve list", every_table_reserved_once,
                     {{"extra", "entries that other code has made", std::int64_t{260}}}));
  registry.add(check("memreserve.redistributors-use-reservations",
                     "the GIC's redistributors use tables that are reserved, each its own",
                     redistributors_use_reservations));
  registry.add(check("memreserve.second-kernel-honours",
                     "each kernel that another one started takes over its LPI tables and their memory",
                     second_kernel_honours));
  registry.add(check("memreserve.host-and-vmcore-agree",
                     "the dump shows the memreserve list that the host saw", host_and_vmcore_agree));
  registry.add(check("memreserve.tables-kept",
                     "no LPI table was given back to the page allocator or written to by somebody else",
                     tables_kept));
  registry.add(check("memreserve.callback-may-sleep",
                     "pending tables are reserved and freed where a task may sleep", callback_may_sleep));
  registry.add(
      {.name = "memreserve.model",
       .summary = "flags, tables, list, hotplug state and redistributors are what the driver's rules predict",
       .run = follows_model});
  registry.add(MemoryWitness{.name = "memreserve",
                             .summary = "the EFI memreserve list and the GICv3 driver's struct rdists",
                             .symbols = {"gic_rdists", "its_cpu_init", "its_cpu_memreserve_lpi"},
                             .ranges = memory_to_keep,
                             .exhibit = [](const Evidence& evidence) -> Result<Exhibit> {
                               const MemreserveExhibit exhibit = CP_TRY(make_memreserve_exhibit(evidence));
                               return Exhibit{to_text(exhibit), to_json(exhibit)};
                             }});
}

}  // namespace crashpath
