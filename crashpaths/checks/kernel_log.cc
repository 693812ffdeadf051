// kernel.*: what the two kernels say of themselves: taint, splats, the panic's own words.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "crashpaths/checks/checks.h"
#include "crashpaths/checks/guest_facts.h"
#include "harness/console/phases.h"
#include "harness/console/splats.h"
#include "harness/evidence/directory.h"

namespace crashpath {
namespace {

constexpr std::array kKernels = {Kernel::first, Kernel::second};

/// One letter a bit, from bit 0 (Documentation/admin-guide/tainted-kernels.rst).
constexpr std::string_view kTaintLetters = "PFSRMBUDAWCIOELKXTNJ";

/// The letters of a taint mask; a bit newer than the table as its number.
Result<std::string> taint_letters(const std::string& text) {
  std::uint64_t mask = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mask);
  if (error != std::errc() || (end != text.data() + text.size() && *end != '\n'))
    return Error::guest(fmt::format("/proc/sys/kernel/tainted is '{}'", text));
  std::string letters;
  for (std::size_t bit = 0; bit < 64; ++bit) {
    if ((mask >> bit & 1) == 0) continue;
    letters += bit < kTaintLetters.size() ? std::string(1, kTaintLetters[bit]) : fmt::format("<{}>", bit);
  }
  return letters;
}

std::string shown_taint(const std::string& letters) {
  return letters.empty() ? "not tainted" : letters;
}

Result<CheckResult> taint(const Evidence& evidence, const CheckParameters& parameters) {
  std::string expected, got;
  bool as_expected = true;
  for (const Kernel kernel : kKernels) {
    const std::string allowed = parameter<std::string>(parameters, to_string(kernel)).value_or("");
    const std::string letters =
        CP_TRY(taint_letters(CP_TRY(evidence.guest_file(kernel, "/proc/sys/kernel/tainted"))));
    as_expected = as_expected && letters.find_first_not_of(allowed) == std::string::npos;
    const std::string_view separator = expected.empty() ? "" : ", ";
    expected += fmt::format("{}{} kernel {}", separator, to_string(kernel),
                            allowed.empty() ? "not tainted" : "tainted by nothing but " + allowed);
    got += fmt::format("{}{} kernel {}", separator, to_string(kernel), shown_taint(letters));
  }
  return as_expected ? CheckResult::pass(expected, got, evidence_file::kAgent)
                     : CheckResult::fail(expected, got, evidence_file::kAgent);
}

bool matches_any(const std::string& title, const std::vector<std::regex>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&title](const std::regex& pattern) { return std::regex_search(title, pattern); });
}

struct FoundSplats {
  std::size_t allowed = 0;
  std::vector<std::string> others;  ///< "second: WARNING: ... (console-second.log:12)"
  std::string where;                ///< of the first of the others
};

/// The first kernel's panic is what a trial asks for, and kernel.panic-message judges it; any other splat
/// counts.
Result<> find_splats_of(const Evidence& evidence, Kernel kernel, const std::vector<std::regex>& allowed,
                        FoundSplats& found) {
  const std::vector<RecordedLine>& lines = *CP_TRY(evidence.console(kernel));
  std::vector<std::string_view> texts;
  for (const RecordedLine& line : lines) texts.push_back(line.text);
  for (const Splat& splat : find_splats(texts)) {
    if (kernel == Kernel::first && splat.kind == SplatKind::panic) continue;
    if (matches_any(splat.title, allowed)) {
      ++found.allowed;
      continue;
    }
    const std::string where = console_line(kernel, lines.at(splat.begin));
    if (found.others.empty()) found.where = where;
    found.others.push_back(fmt::format("{} kernel: {} ({})", to_string(kernel), splat.title, where));
  }
  return {};
}

Result<CheckResult> splats(const Evidence& evidence, const CheckParameters& parameters) {
  const auto patterns =
      parameter<std::vector<std::string>>(parameters, "allowed").value_or(std::vector<std::string>());
  std::vector<std::regex> allowed;
  for (const std::string& pattern : patterns) allowed.push_back(CP_TRY(parse_pattern("allowed", pattern)));
  FoundSplats found;
  for (const Kernel kernel : kKernels) CP_TRY(find_splats_of(evidence, kernel, allowed, found));

  const std::string expected =
      patterns.empty() ? "no splat besides the panic itself"
                       : fmt::format("no splat besides the panic and /{}/", fmt::join(patterns, "/, /"));
  if (!found.others.empty())
    return CheckResult::fail(expected, fmt::format("{}", fmt::join(found.others, "; ")), found.where);
  return CheckResult::pass(expected,
                           found.allowed == 0 ? "none" : fmt::format("{} that are allowed", found.allowed),
                           "console-*.log");
}

/// Consoles that may sleep on a lock under PREEMPT_RT are printed to by tasks, which a panic never lets run
/// again (Documentation/core-api/real-time/differences.rst, "printk"). `uname -v` says "PREEMPT_RT".
Result<bool> is_preempt_rt(const Evidence& evidence) {
  const auto* hello = CP_TRY(evidence.last_message(Kernel::first, "hello"));
  const auto* version = hello->if_contains("version");
  return version != nullptr && version->is_string() &&
         std::string_view(version->get_string()).find(" PREEMPT_RT ") != std::string_view::npos;
}

Result<CheckResult> panic_message(const Evidence& evidence, const CheckParameters& parameters) {
  const std::string text =
      parameter<std::string>(parameters, "pattern").value_or("Kernel panic - not syncing");
  const std::regex pattern = CP_TRY(parse_pattern("pattern", text));
  const std::string expected = fmt::format("/{}/ on the first kernel's console", text);
  const RecordedLine* panic = nullptr;
  for (const RecordedLine* line : CP_TRY(crashed_kernel_console(evidence))) {
    const std::string message(without_time_stamp(line->text));
    if (std::regex_search(message, pattern))
      return CheckResult::pass(expected, message, console_line(Kernel::first, *line));
    if (panic == nullptr && message.starts_with("Kernel panic")) panic = line;
  }
  if (panic == nullptr && CP_TRY(is_preempt_rt(evidence)))
    return CheckResult::skip(
        "a PREEMPT_RT kernel starts its crash kernel before it prints the panic; vmcore.dmesg has it");
  if (panic == nullptr && parameter<bool>(parameters, "may_be_silent").value_or(false))
    return CheckResult::skip("the console has no panic: a CPU that is not online may not print one");
  if (panic == nullptr) return CheckResult::fail(expected, "no panic at all", evidence_file::kConsoleFirst);
  return CheckResult::fail(expected, std::string(without_time_stamp(panic->text)),
                           console_line(Kernel::first, *panic));
}

}  // namespace

void register_kernel_checks(CheckRegistry& registry) {
  registry.add({"kernel.taint",
                "Neither kernel is tainted by anything that the scenario does not allow",
                {{"first", "letters that may taint the first kernel before the crash", std::string("OE")},
                 {"second", "letters that may taint the second kernel", std::string("W")}},
                taint});
  registry.add({"kernel.splats",
                "Neither kernel prints a warning, oops, lockup or stall that the scenario does not allow",
                {{"allowed", "regular expressions of titles", std::vector<std::string>{"^BUG: soft lockup"}}},
                splats});
  registry.add({"kernel.panic-message",
                "The first kernel's console has the panic that was asked for",
                {{"pattern", "regular expression of the message", std::string("sysrq triggered crash")},
                 {"may_be_silent", "no panic at all is a skip: it may be of a CPU that is not online", true}},
                panic_message});
}

}  // namespace crashpath
