#include "harness/console/phases.h"

#include <algorithm>
#include <array>

namespace crashpath {
namespace {

constexpr std::array kMarks = {
    // Panics first: their line may name an oops, a BUG or a stall as the reason.
    PhaseMark{"Kernel panic - not syncing: No working init found", "", Phase::panic, "found no init to run",
              "init/main.c kernel_init"},
    PhaseMark{"Kernel panic - not syncing: Requested init", "", Phase::panic,
              "could not run the init asked for", "init/main.c kernel_init"},
    PhaseMark{"Kernel panic - not syncing: VFS: Unable to mount root fs", "", Phase::panic,
              "found neither an init in the initramfs nor a root file system",
              "init/do_mounts.c mount_root_generic"},
    PhaseMark{"Kernel panic - not syncing: Attempted to kill init", "", Phase::panic, "lost its init",
              "kernel/exit.c do_exit"},
    PhaseMark{"Kernel panic - not syncing: System is deadlocked on memory", "", Phase::panic,
              "ran out of memory", "mm/oom_kill.c out_of_memory"},
    PhaseMark{"Kernel panic - not syncing: Out of memory", "", Phase::panic, "ran out of memory",
              "mm/oom_kill.c check_panic_on_oom"},
    PhaseMark{"Kernel panic - not syncing", "", Phase::panic, "panicked", "kernel/panic.c panic"},

    PhaseMark{"Starting crashdump kernel...", "arm64", Phase::crash_kexec, "starts the crash kernel",
              "arch/arm64/kernel/machine_kexec.c machine_crash_shutdown"},
    PhaseMark{"Starting new kernel", "", Phase::crash_kexec, "starts the next kernel",
              "kernel/kexec_core.c kernel_kexec"},
    PhaseMark{"Bye!", "arm64", Phase::crash_kexec, "leaves for the next kernel",
              "arch/arm64/kernel/machine_kexec.c machine_kexec"},
    PhaseMark{"kexec: Starting switchover sequence.", "pseries", Phase::crash_kexec, "starts the next kernel",
              "arch/powerpc/kexec/core_64.c default_machine_kexec"},
    PhaseMark{"I'm in purgatory", "", Phase::crash_kexec, "is in purgatory, between two kernels",
              "kexec-tools purgatory/purgatory.c purgatory"},
    PhaseMark{"sha256 digests do not match", "", Phase::damaged, "purgatory finds the crash kernel damaged",
              "kexec-tools purgatory/purgatory.c verify_sha256_digest"},

    // The clock of a kernel reads 0 until sched_clock is set up, and what it logged before it had a console
    // comes then
    // too: this is the earliest and surest sign, also on pseries, where "Linux version" is not the first
    // line.
    PhaseMark{"[    0.000000]", "", Phase::kernel_start, "starts", "kernel/printk/printk.c print_time"},
    PhaseMark{"Booting Linux on physical CPU", "arm64", Phase::kernel_start, "starts",
              "arch/arm64/kernel/setup.c smp_setup_processor_id"},
    PhaseMark{"Preparing to boot Linux version", "pseries", Phase::kernel_start, "starts (firmware client)",
              "arch/powerpc/kernel/prom_init.c prom_init"},
    PhaseMark{"Linux version ", "", Phase::kernel_start, "starts", "init/main.c start_kernel"},

    PhaseMark{" as init process", "", Phase::userspace, "starts its init", "init/main.c run_init_process"},

    PhaseMark{"Unable to handle kernel ", "", Phase::oops, "accessed memory that it must not",
              "arch/arm64/mm/fault.c die_kernel_fault"},
    PhaseMark{"Internal error: ", "arm64", Phase::oops, "oopsed", "arch/arm64/kernel/traps.c __die"},
    PhaseMark{"Oops: ", "pseries", Phase::oops, "oopsed", "arch/powerpc/kernel/traps.c __die"},
    PhaseMark{"BUG: Kernel NULL pointer dereference", "pseries", Phase::oops, "dereferenced a NULL pointer",
              "arch/powerpc/mm/fault.c __bad_page_fault"},

    PhaseMark{"soft lockup - CPU#", "", Phase::stall, "has a CPU that does not schedule",
              "kernel/watchdog.c watchdog_timer_fn"},
    PhaseMark{"hard LOCKUP", "", Phase::stall, "has a CPU that takes no interrupts",
              "arch/powerpc/kernel/watchdog.c watchdog_hardlockup_..., kernel/watchdog.c"},
    PhaseMark{"detected stalls on CPUs/tasks", "", Phase::stall, "has CPUs without an RCU quiescent state",
              "kernel/rcu/tree_stall.h print_other_cpu_stall"},
    PhaseMark{"self-detected stall on CPU", "", Phase::stall, "has a CPU without an RCU quiescent state",
              "kernel/rcu/tree_stall.h print_cpu_stall"},
    PhaseMark{" blocked for more than ", "", Phase::stall, "has a task that sleeps for very long",
              "kernel/hung_task.c check_hung_task"},

    PhaseMark{"kernel BUG at ", "", Phase::bug, "ran into a BUG()", "lib/bug.c report_bug"},
    PhaseMark{"BUG: ", "", Phase::bug, "found a state that must not be", "many"},
    PhaseMark{"WARNING: ", "", Phase::warning, "warns", "kernel/panic.c __warn"},

    PhaseMark{"Out of memory: Killed process", "", Phase::out_of_memory, "kills processes for memory",
              "mm/oom_kill.c __oom_kill_process"},
    PhaseMark{"invoked oom-killer", "", Phase::out_of_memory, "is out of memory",
              "mm/oom_kill.c dump_header"},

    PhaseMark{"reboot: ", "", Phase::shutdown, "ends the machine",
              "kernel/reboot.c kernel_restart, kernel_power_off"},
};

bool is_time_stamp(char c) {
  return (c >= '0' && c <= '9') || c == ' ' || c == '.';
}
bool is_caller(char c) {
  return (c >= '0' && c <= '9') || c == ' ' || c == 'T' || c == 'C';
}

/// Takes "[...]" off the front when it consists of such characters alone.
template <class Predicate>
bool take_bracket(std::string_view& text, Predicate is_part) {
  const std::size_t end = text.find(']');
  if (!text.starts_with('[') || end == text.npos || end < 2) return false;
  if (!std::all_of(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(end), is_part)) return false;
  text.remove_prefix(end + 1);
  return true;
}

}  // namespace

std::span<const PhaseMark> phase_marks() {
  return kMarks;
}

const PhaseMark* find_phase_mark(std::string_view line, const Architecture& architecture) {
  for (const auto& mark : kMarks)
    if ((mark.architecture.empty() || mark.architecture == architecture.name) &&
        line.find(mark.text) != line.npos)
      return &mark;
  return nullptr;
}

std::optional<Phase> find_phase(std::string_view line, const Architecture& architecture) {
  const PhaseMark* mark = find_phase_mark(line, architecture);
  return mark != nullptr ? std::optional(mark->phase) : std::nullopt;
}

std::string_view without_time_stamp(std::string_view line) {
  if (!take_bracket(line, is_time_stamp)) return line;
  take_bracket(line, is_caller);
  if (line.starts_with(' ')) line.remove_prefix(1);
  return line;
}

}  // namespace crashpath
