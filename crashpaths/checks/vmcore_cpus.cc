#include <fmt/format.h>

#include <algorithm>

#include "crashpaths/checks/guest_facts.h"
#include "crashpaths/checks/vmcore_checks.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/ranges.h"
#include "harness/evidence/vmcore.h"

namespace crashpath {
namespace {

/// What the kernel's log says of the CPU that crashed (lib/dump_stack.c dump_stack_print_info). UID is there
/// from 6.12.
struct CrashedTask {
  int cpu = 0;
  std::int64_t pid = 0;
  std::string comm;
};

/// The last such line of the log: an earlier one can belong to a warning.
std::optional<CrashedTask> find_crashed_task(const std::string& log) {
  static const std::regex line(
      R"(CPU: (\d{1,5}) (?:UID: \d+ )?PID: (\d{1,9}) Comm: (.{1,32}?) (?:Kdump: loaded )?(?:Not tainted|Tainted))");
  std::optional<CrashedTask> found;
  for (std::sregex_iterator match(log.begin(), log.end(), line), end; match != end; ++match)
    found = CrashedTask{std::stoi((*match)[1]), std::stoll((*match)[2]), (*match)[3]};
  return found;
}

/// trigger.cpu of trial.json.
Result<std::optional<std::int64_t>> asked_cpu(const Evidence& evidence, const CheckParameters& parameters) {
  if (const auto cpu = parameter<std::int64_t>(parameters, "cpu")) return cpu;
  const boost::json::value* trigger = CP_TRY(evidence.trial())->if_contains("trigger");
  const boost::json::value* cpu =
      trigger != nullptr && trigger->is_object() ? trigger->get_object().if_contains("cpu") : nullptr;
  if (cpu == nullptr || !cpu->is_int64()) return std::nullopt;
  return cpu->get_int64();
}

Result<CheckResult> crash_cpu(const Evidence& evidence, const CheckParameters& parameters) {
  const Vmcore& vmcore = *CP_TRY(evidence.vmcore());
  const std::string_view file = CP_TRY(evidence.vmcore_file());
  const auto asked = CP_TRY(asked_cpu(evidence, parameters));
  const auto task = find_crashed_task(CP_TRY(vmcore.dmesg()));
  const std::string expected = fmt::format(
      "the dump's log names {} as the one that crashed, and that CPU's PRSTATUS has the same task",
      asked ? fmt::format("CPU {}", *asked) : "a CPU");
  if (!task) return CheckResult::fail(expected, "no line 'CPU: N PID: P Comm: ...' in the dump's log", file);
  std::string got = fmt::format("CPU {}, PID {} ({})", task->cpu, task->pid, task->comm);
  if (asked && task->cpu != *asked) return CheckResult::fail(expected, got, file);

  const std::vector<int> cpus = CP_TRY(cpus_with_registers(evidence, vmcore.cpus().size()));
  const auto position = std::find(cpus.begin(), cpus.end(), task->cpu);
  if (position == cpus.end())
    return CheckResult::fail(
        expected, got + fmt::format("; which of {} PRSTATUS notes is its own?", vmcore.cpus().size()), file);
  const auto index = static_cast<std::size_t>(position - cpus.begin());
  const std::int64_t pid = vmcore.cpus()[index].pid;
  got += fmt::format("; PRSTATUS of CPU {}: PID {}", task->cpu, pid);
  return pid == task->pid ? CheckResult::pass(expected, got, file) : CheckResult::fail(expected, got, file);
}

/// Where a program counter may be besides the kernel's own text.
struct CodeRanges {
  Range text;
  Range modules;
  Range user;
  Range rtas;  ///< pseries: where an offline CPU waits (stop-self) until the crash's system reset wakes it
};

Result<CodeRanges> code_ranges(const Evidence& evidence) {
  CodeRanges ranges;
  ranges.text = {CP_TRY(evidence.guest_symbol(Kernel::first, "_stext")),
                 CP_TRY(evidence.guest_symbol(Kernel::first, "_etext"))};
  if (CP_TRY(evidence.architecture()) == "arm64") {
    // Wherever the kernel is put at random, its modules are near enough for a 2 GiB window to hold both
    // (arch/arm64/kernel/module.c, module_init_limits).
    constexpr std::uint64_t kWindow = 2ULL << 30;
    ranges.modules = {ranges.text.end - kWindow, ranges.text.begin + kWindow};
  } else {
    // Modules are in vmalloc's part of the address space (arch/powerpc/include/asm/book3s/64/radix.h).
    ranges.modules = {0xc008000000000000, 0xc00a000000000000};
    constexpr std::uint64_t kRtasSize = 64 << 10;  // more than any firmware's; QEMU's has one page
    if (const auto base = CP_TRY(rtas_base(evidence))) ranges.rtas = {*base, *base + kRtasSize};
  }
  ranges.user = {1, 1ULL << 52};
  return ranges;
}

constexpr std::string_view kOfflineInRtas = "in RTAS: an offline CPU";

std::string_view name_of(std::uint64_t pc, const CodeRanges& ranges) {
  if (contains({ranges.text}, pc)) return "kernel text";
  if (contains({ranges.modules}, pc)) return "a module";
  if (contains({ranges.rtas}, pc)) return kOfflineInRtas;
  if (contains({ranges.user}, pc)) return "user space";
  return "";
}

Result<CheckResult> prstatus(const Evidence& evidence, const CheckParameters&) {
  const Vmcore& vmcore = *CP_TRY(evidence.vmcore());
  const std::string_view file = CP_TRY(evidence.vmcore_file());
  const std::vector<int> online = CP_TRY(online_cpus(evidence));
  const CodeRanges ranges = CP_TRY(code_ranges(evidence));
  const std::string expected =
      fmt::format("one PRSTATUS note for each of {} CPUs, pc in kernel text ({}), a module or user space",
                  online.size(), to_string(ranges.text));
  bool good = true;
  std::size_t offline = 0;
  std::string got = fmt::format("{} notes", vmcore.cpus().size());
  for (std::size_t i = 0; i < vmcore.cpus().size(); ++i) {
    const std::uint64_t pc = vmcore.cpus()[i].pc().value_or(0);
    const std::string_view where = name_of(pc, ranges);
    good = good && !where.empty();
    if (where == kOfflineInRtas) ++offline;
    got += fmt::format("{} {:#x} {}", i == 0 ? ":" : ",", pc, where.empty() ? "which is no code" : where);
  }
  good = good && vmcore.cpus().size() - offline == online.size();
  return good ? CheckResult::pass(expected, got, file) : CheckResult::fail(expected, got, file);
}

}  // namespace

Check vmcore_crash_cpu_check() {
  return {"vmcore.crash-cpu",
          "The dump knows the CPU and the task that crashed",
          {{"cpu", "the CPU that has to have crashed; else the trigger's", std::int64_t{1}}},
          crash_cpu};
}

Check vmcore_prstatus_check() {
  return {"vmcore.prstatus", "The dump has the registers of every CPU that was online", {}, prstatus};
}

}  // namespace crashpath
