// second-kernel.*: is the kernel that came up after the crash the one that was loaded, and where it was put?

#include <fmt/format.h>

#include "crashpaths/checks/checks.h"
#include "crashpaths/checks/guest_facts.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/ranges.h"

namespace crashpath {
namespace {

std::string string_member(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

Result<CheckResult> alive(const Evidence& evidence, const CheckParameters&) {
  const std::string expected =
      "the second kernel boots as far as user space, by its console and by its agent";
  static const std::regex version(R"(\] Linux version (\S+))");
  const auto console = evidence.has(evidence_file::kConsoleSecond)
                           ? CP_TRY(find_on_console(evidence, Kernel::second, version))
                           : std::nullopt;
  const auto hello = evidence.last_message(Kernel::second, "hello");
  if (!console && !hello)
    return CheckResult::fail(expected, "nothing on its console, nothing from its agent", "");
  if (!hello) {
    const RecordedLine& last = CP_TRY(evidence.console(Kernel::second))->back();
    return CheckResult::fail(
        expected, fmt::format("it boots, but its agent never speaks; its console ends with '{}'", last.text),
        console_line(Kernel::second, last));
  }
  if (!console)
    return CheckResult::fail(expected,
                             "its agent speaks, but its console shows no kernel: the witnesses disagree",
                             evidence_file::kConsoleSecond);
  return CheckResult::pass(expected,
                           fmt::format("Linux {} is there after {:.1f} s, its agent says hello",
                                       console->groups[1].str(), console->line->seconds),
                           console_line(Kernel::second, *console->line));
}

Result<CheckResult> is_kdump(const Evidence& evidence, const CheckParameters&) {
  const std::string expected =
      "the second kernel has /proc/vmcore and was given the first one's ELF core header";
  // An agent that finds /proc/vmcore calls its kernel "second", after a plain kexec "first".
  if (string_member(*CP_TRY(evidence.last_message(Kernel::second, "hello")), "kernel") != "second")
    return CheckResult::fail(expected, "no /proc/vmcore: it was started by a plain kexec",
                             evidence_file::kAgent);
  const std::string cmdline = CP_TRY(evidence.guest_file(Kernel::second, "/proc/cmdline"));
  static const std::regex argument(R"(elfcorehdr=\S+)");
  std::smatch groups;
  if (std::regex_search(cmdline, groups, argument))
    return CheckResult::pass(expected, fmt::format("/proc/vmcore, {}", groups[0].str()),
                             evidence_file::kAgent);
  static const std::regex device_tree(R"(Reserving .* for elfcorehdr)");  // drivers/of/fdt.c
  const auto match = CP_TRY(find_on_console(evidence, Kernel::second, device_tree));
  if (match)
    return CheckResult::pass(expected, fmt::format("/proc/vmcore, {}", match->groups[0].str()),
                             console_line(Kernel::second, *match->line));
  return CheckResult::fail(expected, "no elfcorehdr on its command line nor in its device tree",
                           evidence_file::kConsoleSecond);
}

Result<CheckResult> release_matches(const Evidence& evidence, const CheckParameters&) {
  const std::string expected = CP_TRY(asked_release(evidence));
  const std::string said = string_member(*CP_TRY(evidence.last_message(Kernel::second, "hello")), "release");
  if (said != expected)
    return CheckResult::fail(expected, fmt::format("uname -r: '{}'", said), evidence_file::kAgent);
  static const std::regex version(R"(\] Linux version (\S+))");
  const auto printed = CP_TRY(find_on_console(evidence, Kernel::second, version));
  if (!printed)
    return CheckResult::fail(expected, "its console shows no Linux version", evidence_file::kConsoleSecond);
  const std::string got = printed->groups[1].str();
  const std::string where = console_line(Kernel::second, *printed->line);
  if (got != expected) return CheckResult::fail(expected, fmt::format("'{}' on its console", got), where);
  return CheckResult::pass(expected, got, where);
}

/// MemTotal of a kernel's /proc/meminfo, in bytes.
Result<std::uint64_t> total_memory(const Evidence& evidence, Kernel kernel) {
  const std::string meminfo = CP_TRY(evidence.guest_file(kernel, "/proc/meminfo"));
  static const std::regex line(R"(MemTotal: +(\d{1,15}) kB)");
  std::smatch groups;
  if (!std::regex_search(meminfo, groups, line)) return Error::guest("/proc/meminfo has no MemTotal");
  return std::stoull(groups[1]) * 1024;
}

/// A pseries crash kernel lists all memory from 0 to the end of the reservation as System RAM and then
/// reserves what is below its own image and the first 64 KiB (kdump trampolines), neither of which
/// /proc/iomem shows: what it can use has to fit into the reservation, and the last address too. Seen on 6.1
/// and 6.12.
Result<CheckResult> pseries_memory_in_reservation(const Evidence& evidence, const std::vector<Range>& ram,
                                                  const std::vector<Range>& reserved) {
  const std::uint64_t total = CP_TRY(total_memory(evidence, Kernel::second));
  const std::uint64_t end = normalized(reserved).back().end;
  const std::string expected =
      fmt::format("no System RAM behind {:#x}, and MemTotal at most {} (Crash kernel {})", end,
                  human_size(total_size(normalized(reserved))), to_string(reserved));
  const std::string got = fmt::format("System RAM {}, MemTotal {}", to_string(ram), human_size(total));
  const bool fits = ram.back().end <= end && total <= total_size(normalized(reserved));
  return fits ? CheckResult::pass(expected, got, evidence_file::kAgent)
              : CheckResult::fail(expected, got, evidence_file::kAgent);
}

Result<CheckResult> memory_in_reservation(const Evidence& evidence, const CheckParameters&) {
  const std::vector<Range> ram = normalized(CP_TRY(system_ram(evidence, Kernel::second)));
  const std::vector<Range> reserved = CP_TRY(reservation(evidence));
  if (ram.empty()) return Error::guest("the second kernel's /proc/iomem has no System RAM");
  if (reserved.empty())
    return CheckResult::fail("a reservation for the crash kernel", "the first kernel has none",
                             evidence_file::kAgent);
  if (CP_TRY(evidence.architecture()) == "pseries")
    return pseries_memory_in_reservation(evidence, ram, reserved);
  const std::string expected = fmt::format("System RAM inside of Crash kernel {}", to_string(reserved));
  const std::vector<Range> outside = subtract(ram, reserved);
  if (outside.empty())
    return CheckResult::pass(expected, fmt::format("System RAM {}", to_string(ram)), evidence_file::kAgent);
  return CheckResult::fail(expected,
                           fmt::format("System RAM {}: outside are {}", to_string(ram), to_string(outside)),
                           evidence_file::kAgent);
}

}  // namespace

void register_second_kernel_checks(CheckRegistry& registry) {
  registry.add({"second-kernel.alive", "The second kernel boots as far as user space", {}, alive});
  registry.add(
      {"second-kernel.is-kdump", "The second kernel is a kdump kernel: it has /proc/vmcore", {}, is_kdump});
  registry.add(
      {"second-kernel.release-matches", "The second kernel is the one that was loaded", {}, release_matches});
  registry.add({"second-kernel.memory-in-reservation",
                "The second kernel's memory lies in the first one's reservation",
                {},
                memory_in_reservation});
}

}  // namespace crashpath
