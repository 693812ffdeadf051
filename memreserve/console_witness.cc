#include "memreserve/console_witness.h"

#include <fmt/format.h>

#include <array>
#include <regex>

#include "harness/evidence/gic_redistributors.h"

namespace crashpath {
namespace {

constexpr std::string_view kBooting = "] Booting Linux on physical CPU 0x";
/// std::regex needs stack for every character; no line that is looked for is longer.
constexpr std::size_t kLongestLine = 500;

/// What a kernel finds wrong, wherever in a line it stands.
constexpr std::array<std::string_view, 7> kWarnings = {
    "Booted with LPIs enabled, memory probably corrupted",  // irq-gic-v3-its.c redist_disable_lpis
    "Failed to disable LPIs",                               // redist_disable_lpis
    "Timeout while disabling LPIs",                         // redist_disable_lpis
    "Expected reserved range",                              // gic_check_reserved_range
    "Failed to allocate PENDBASE",                          // allocate_lpi_tables
    "Could not map UEFI memreserve entry",                  // efi.c efi_config_parse_tables
    "drivers/irqchip/irq-gic-v3",                           // WARN() of the drivers
};

std::uint64_t hex(const std::ssub_match& digits) {
  return std::stoull(digits, nullptr, 16);
}

class Reader {
 public:
  Reader(ConsoleWitness& witness, std::string_view file) : witness_(witness), file_(file) {}

  void take(const RecordedLine& line) {
    text_ = line.text.substr(0, kLongestLine);
    where_ = fmt::format("{}:{}", file_, line.number);
    seconds_ = line.seconds;
    for (const std::string_view warning : kWarnings)
      if (has(warning)) witness_.warnings.push_back(fmt::format("{} ({})", words(), where_));
    if (has("GICv3: ")) take_gic();
    if (has("] efi: ")) take_efi();
    if (has("] ITS [mem ")) witness_.its = true;
    if (has("Boot")) take_boot();
  }

 private:
  bool has(std::string_view part) const { return text_.find(part) != std::string::npos; }

  /// The message without its time stamp.
  std::string words() const {
    const std::size_t stamp = text_.starts_with("[") ? text_.find("] ") : std::string::npos;
    return stamp == std::string::npos ? text_ : text_.substr(stamp + 2);
  }

  bool matches(const std::regex& pattern) { return std::regex_search(text_, groups_, pattern); }
  ConsoleCpu& cpu() { return witness_.cpus[std::stoi(groups_[1])]; }

  void take_gic() {
    static const std::regex property("GICv3: using LPI property table @0x([0-9a-f]{1,16})");
    static const std::regex pending(
        "GICv3: CPU([0-9]{1,4}): using (allocated|reserved) LPI pending table @0x([0-9a-f]{1,16})");
    static const std::regex found("GICv3: CPU([0-9]{1,4}): found redistributor ([0-9a-f]{1,16}) region");
    static const std::regex warned("GICv3: CPU([0-9]{1,4}): Booted with LPIs enabled");
    if (has("Using preallocated redistributor tables")) witness_.preallocated = true;
    if (matches(property)) witness_.property_table = hex(groups_[1]);
    if (matches(found)) cpu().found_redistributor = vcpu_of_affinity(hex(groups_[2]));
    if (matches(warned)) cpu().warned = true;
    if (!matches(pending)) return;
    ConsoleCpu& each = cpu();
    each.source = groups_[2] == "reserved" ? TableSource::reserved : TableSource::allocated;
    each.table = hex(groups_[3]);
    each.evidence = where_;
    ++each.says_table;
  }

  void take_efi() {
    static const std::regex root(" MEMRESERVE=0x([0-9a-f]{1,16})");
    if (matches(root)) witness_.memreserve_root = hex(groups_[1]);
  }

  void take_boot() {
    static const std::regex first("Booting Linux on physical CPU 0x([0-9a-f]{1,16})");
    static const std::regex secondary("CPU([0-9]{1,4}): Booted secondary processor 0x([0-9a-f]{1,16})");
    if (matches(first)) came_up(witness_.cpus[0], hex(groups_[1]));
    if (matches(secondary)) came_up(cpu(), hex(groups_[2]));
  }

  void came_up(ConsoleCpu& each, std::uint64_t affinity) const {
    if (each.booted_on) return;
    each.booted_on = vcpu_of_affinity(affinity);
    each.booted_at = seconds_;
  }

  ConsoleWitness& witness_;
  std::string_view file_;
  std::string text_;
  std::string where_;
  double seconds_ = 0;
  std::smatch groups_;
};

}  // namespace

ConsoleWitness read_console_witness(std::span<const RecordedLine> lines, std::string_view file) {
  ConsoleWitness witness;
  witness.booted = !lines.empty();
  Reader reader(witness, file);
  for (const RecordedLine& line : lines) reader.take(line);
  return witness;
}

std::vector<std::span<const RecordedLine>> split_at_boots(std::span<const RecordedLine> lines) {
  std::vector<std::size_t> begins;
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (lines[i].text.find(kBooting) != std::string::npos) begins.push_back(i);
  std::vector<std::span<const RecordedLine>> kernels;
  for (std::size_t i = 0; i < begins.size(); ++i) {
    const std::size_t end = i + 1 < begins.size() ? begins[i + 1] : lines.size();
    kernels.push_back(lines.subspan(begins[i], end - begins[i]));
  }
  return kernels;
}

}  // namespace crashpath
