#include "memreserve/show.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/text.h"
#include "harness/evidence/ranges.h"

namespace crashpath {
namespace {

constexpr std::size_t kWidth = 100;

std::string hex_or_dash(std::uint64_t number) {
  return number == 0 ? "-" : fmt::format("{:#x}", number);
}

class Text {
 public:
  explicit Text(const MemreserveExhibit& exhibit) : exhibit_(exhibit), witnesses_(exhibit.witnesses) {}

  std::string write() {
    const TrialMachine& machine = witnesses_.machine;
    line("", fmt::format("LPI tables of {}: {} CPUs, {}, {}, {} kernels", printable(exhibit_.trial),
                         machine.cpus, machine.model.its ? "GICv3 with ITS" : "without ITS",
                         machine.model.efi ? "UEFI" : "no UEFI", witnesses_.chain.size()));
    write_lists();
    write_redistributors();
    for (std::size_t i = 0; i < witnesses_.chain.size(); ++i) write_kernel(i);
    write_contradictions();
    return text_;
  }

 private:
  /// `subject`: a line with a contradiction about it is marked.
  void line(std::string_view subject, std::string_view words) {
    const std::string margin = subject.empty() ? "" : (marked(subject) ? "!! " : "   ");
    text_ += margin + shorten(words, kWidth - margin.size()) + "\n";
  }
  void heading(std::string_view words) { text_ += fmt::format("\n{}\n", shorten(words, kWidth)); }

  bool marked(std::string_view subject) const {
    return exhibit_.comparison &&
           std::any_of(exhibit_.comparison->contradictions.begin(), exhibit_.comparison->contradictions.end(),
                       [subject](const Contradiction& each) { return each.subject == subject; });
  }

  /// Whose table this is, by what kernels said.
  std::string owner_of(const Range& range) const {
    const ClaimedTables tables = claimed_tables(witnesses_.chain, witnesses_.chain.size());
    if (range == lpi_table(tables.property)) return "property table";
    for (const auto& [redistributor, address] : tables.pending)
      if (range == lpi_table(address)) return fmt::format("pending table of redistributor {}", redistributor);
    return "of no LPI table";
  }

  void write_lists() {
    heading(witnesses_.root ? fmt::format("Memreserve list, root at {:#x}", *witnesses_.root)
                            : "Memreserve list: the first kernel's console names none");
    const MemreserveList* shown = nullptr;
    for (const auto& from : witnesses_.lists) {
      const std::string subject = fmt::format("the list in {}", from.file);
      if (!from.value) {
        line(subject, fmt::format("{}: {}", from.file, printable(from.value.error().message())));
        continue;
      }
      line(subject, fmt::format("{}: {} entries on {} page(s), {}", from.file, from.value->entries.size(),
                                from.value->nodes.size() - 1,
                                from.value->problems.empty() ? "well-formed" : "damaged:"));
      for (const std::string& problem : from.value->problems)
        text_ += shorten("!!   " + problem, kWidth) + "\n";
      if (shown == nullptr) shown = &*from.value;
    }
    if (shown != nullptr) write_entries(*shown);
  }

  void write_entries(const MemreserveList& list) {
    constexpr std::size_t kMost = 64;
    for (std::size_t i = 0; i < std::min(kMost, list.entries.size()); ++i) {
      const MemreserveEntry& entry = list.entries[i];
      line(" ", fmt::format("  {:#x} #{:<3} {:<24} {}", entry.node, entry.index, to_string(entry.range),
                            owner_of(entry.range)));
    }
    if (list.entries.size() > kMost) line(" ", fmt::format("  and {} more", list.entries.size() - kMost));
  }

  /// One line for all moments at which a redistributor was the same.
  void write_redistributors() {
    if (witnesses_.redistributors.empty()) return;
    heading("Redistributors, as the hypervisor has them");
    text_ += fmt::format("   {:<4} {:<11} {:<15} {:<15} {}\n", "No.", "EnableLPIs", "GICR_PROPBASER",
                         "GICR_PENDBASER", "at moment");
    std::size_t count = 0;
    for (const auto& [moment, from] : witnesses_.redistributors) {
      if (from.value)
        count = std::max(count, from.value->size());
      else
        line(" ", fmt::format("{}: {}", from.file, from.value.error().message()));
    }
    for (std::size_t i = 0; i < count; ++i) write_redistributor(i);
  }

  void write_redistributor(std::size_t i) {
    std::vector<std::pair<std::string, std::string>> rows;  // what it is, and when
    bool wrong = false;
    for (const auto& [moment, from] : witnesses_.redistributors) {
      if (!from.value || i >= from.value->size()) continue;
      const GicRedistributor& each = (*from.value)[i];
      std::string is = fmt::format("{:<4} {:<11} {:<15} {:<15}", i, each.lpis_enabled() ? 1 : 0,
                                   hex_or_dash(each.property_table()), hex_or_dash(each.pending_table()));
      wrong = wrong || marked(fmt::format("redistributor {} at moment {}", i, to_string(moment)));
      if (rows.empty() || rows.back().first != is)
        rows.emplace_back(std::move(is), to_string(moment));
      else
        rows.back().second += fmt::format(", {}", to_string(moment));
    }
    for (const auto& [is, when] : rows)
      text_ += shorten(fmt::format("{}{} {}", wrong ? "!! " : "   ", is, when), kWidth) + "\n";
  }

  void write_kernel(std::size_t i) {
    const ChainKernel& kernel = witnesses_.chain[i];
    heading(fmt::format("{}: {}", kernel.name, printable(kernel.agent.release)));
    line(kernel.name, fmt::format("command line    {}", printable(kernel.agent.cmdline)));
    line(kernel.name,
         fmt::format("property table  {}, {}", hex_or_dash(kernel.console.property_table.value_or(0)),
                     kernel.console.preallocated ? "preallocated" : "its own"));
    line(kernel.name, fmt::format("hotplug state   {}", state_of(kernel, i)));
    for (const std::string& warning : kernel.console.warnings) line(kernel.name, printable(warning));
    text_ += fmt::format("   {:<4} {:<7} {:<24} {:<9} {:<12} {:<14} {}\n", "CPU", "redist.", "console",
                         "flags", "predicted", "pend_page", "online");
    for (const int cpu : cpus_of(i)) write_cpu(i, cpu);
  }

  std::string state_of(const ChainKernel& kernel, std::size_t i) const {
    if (!kernel.agent.hotplug_state) return "not reported";
    std::string words =
        *kernel.agent.hotplug_state ? "memreserve:online registered" : "memreserve:online not registered";
    if (exhibit_.comparison && exhibit_.comparison->predictions[i].hotplug_state)
      words +=
          fmt::format(", predicted: {}",
                      *exhibit_.comparison->predictions[i].hotplug_state ? "registered" : "not registered");
    return words;
  }

  std::vector<int> cpus_of(std::size_t i) const {
    const ChainKernel& kernel = witnesses_.chain[i];
    std::vector<int> cpus = kernel.agent.possible.value_or(std::vector<int>());
    for (const auto& [number, cpu] : kernel.console.cpus)
      if (std::find(cpus.begin(), cpus.end(), number) == cpus.end()) cpus.push_back(number);
    return cpus;
  }

  void write_cpu(std::size_t i, int number) {
    const ChainKernel& kernel = witnesses_.chain[i];
    const auto found = kernel.console.cpus.find(number);
    const ConsoleCpu none;
    const ConsoleCpu& said = found == kernel.console.cpus.end() ? none : found->second;
    std::string console = "-";
    if (said.source != TableSource::none)
      console = fmt::format("{} {:#x}", said.source == TableSource::allocated ? "allocated" : "reserved",
                            said.table);
    const auto& online = kernel.agent.online;
    const bool is_online = online && std::find(online->begin(), online->end(), number) != online->end();
    line(fmt::format("{}, CPU{}", kernel.name, number),
         fmt::format("{:<4} {:<7} {:<24} {:<9} {:<12} {:<14} {}", number,
                     said.booted_on ? std::to_string(*said.booted_on) : "-", console, flags_of(i, number),
                     predicted_flags(i, number), page_of(i, number),
                     online ? (is_online ? "yes" : "no") : "?"));
  }

  /// The crashed kernel's own state of a CPU, from the first file that has it.
  const CpuLpiState* state_of_cpu(std::size_t i, int number) const {
    if (i != witnesses_.crashed) return nullptr;
    for (const auto& from : witnesses_.states)
      if (from.value)
        if (const auto found = from.value->cpus.find(number); found != from.value->cpus.end())
          return &found->second;
    return nullptr;
  }
  std::string flags_of(std::size_t i, int number) const {
    const CpuLpiState* const state = state_of_cpu(i, number);
    return state == nullptr || !state->flags ? "?" : fmt::format("{:#x}", *state->flags);
  }
  std::string page_of(std::size_t i, int number) const {
    const CpuLpiState* const state = state_of_cpu(i, number);
    if (state == nullptr || !state->pending_table) return "?";
    return *state->pending_table == 0 ? "NULL" : fmt::format("{:#x}", *state->pending_table);
  }
  std::string predicted_flags(std::size_t i, int number) const {
    if (!exhibit_.comparison) return "?";
    const auto found = exhibit_.comparison->predictions[i].cpus.find(number);
    if (found == exhibit_.comparison->predictions[i].cpus.end() || found->second.flags.empty()) return "?";
    return fmt::format("{:#x}", fmt::join(found->second.flags, "|"));
  }

  void write_contradictions() {
    if (!exhibit_.comparison) {
      heading("Not compared with the model:");
      for (const std::string& words : wrap(printable(exhibit_.comparison.error().message()), kWidth - 3))
        text_ += fmt::format("   {}\n", words);
      return;
    }
    const Comparison& comparison = *exhibit_.comparison;
    heading(comparison.contradictions.empty() ? "Contradictions: none" : "Contradictions:");
    for (const Contradiction& each : comparison.contradictions) {
      std::string margin = "!! ";
      for (const std::string& words : wrap(printable(to_string(each)), kWidth - margin.size())) {
        text_ += margin + words + "\n";
        margin = "     ";
      }
    }
    if (comparison.lacking.empty()) return;
    heading("Not compared:");
    for (const std::string& lacking : comparison.lacking)
      for (const std::string& words : wrap(printable(lacking), kWidth - 3))
        text_ += fmt::format("   {}\n", words);
  }

  const MemreserveExhibit& exhibit_;
  const Witnesses& witnesses_;
  std::string text_;
};

}  // namespace

Result<MemreserveExhibit> make_memreserve_exhibit(const Evidence& evidence) {
  const boost::json::value* id = CP_TRY(evidence.trial())->if_contains("id");
  Witnesses witnesses = CP_TRY(gather_witnesses(evidence));
  if (CP_TRY(evidence.architecture()) != "arm64") return Error::usage(witnesses.machine.nothing_to_reserve);
  if (witnesses.chain.empty()) return Error::guest("no kernel booted: there is nothing to show");
  auto models = to_model(evidence, witnesses.chain, witnesses.machine);
  Result<Comparison> comparison = models ? Result<Comparison>(compare(witnesses, *models)) : models.error();
  return MemreserveExhibit{
      id != nullptr && id->is_string() ? std::string(id->get_string()) : std::string("?"),
      std::move(witnesses), std::move(comparison)};
}

std::string to_text(const MemreserveExhibit& exhibit) {
  return Text(exhibit).write();
}

}  // namespace crashpath
