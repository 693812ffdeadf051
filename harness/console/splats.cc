#include "harness/console/splats.h"

#include <algorithm>
#include <array>
#include <optional>

#include "harness/console/phases.h"

namespace crashpath {
namespace {

/// How a splat begins: with this text at the start of the message, or anywhere in it.
struct Opening {
  std::string_view text;
  bool at_start;
  SplatKind kind;
  std::string_view source;
};

constexpr std::array kOpenings = {
    Opening{"Kernel panic - not syncing", true, SplatKind::panic, "kernel/panic.c panic"},

    Opening{"BUG: KASAN: ", true, SplatKind::sanitizer, "mm/kasan/report.c print_error_description"},
    Opening{"BUG: KCSAN: ", true, SplatKind::sanitizer, "kernel/kcsan/report.c print_report"},
    Opening{"BUG: KFENCE: ", true, SplatKind::sanitizer, "mm/kfence/report.c kfence_report_error"},
    Opening{"UBSAN: ", true, SplatKind::sanitizer, "lib/ubsan.c ubsan_prologue"},

    Opening{"WARNING: possible ", true, SplatKind::lockdep,
            "kernel/locking/lockdep.c print_circular_bug_header"},
    Opening{"WARNING: inconsistent lock state", true, SplatKind::lockdep,
            "kernel/locking/lockdep.c print_usage_bug"},
    Opening{"WARNING: suspicious RCU usage", true, SplatKind::lockdep,
            "kernel/locking/lockdep.c lockdep_rcu_suspicious"},
    Opening{"WARNING: bad unlock balance detected!", true, SplatKind::lockdep,
            "kernel/locking/lockdep.c print_unlock_imbalance_bug"},
    Opening{"WARNING: held lock freed!", true, SplatKind::lockdep,
            "kernel/locking/lockdep.c print_freed_lock_bug"},
    Opening{"[ BUG: Invalid wait context ]", true, SplatKind::lockdep,
            "kernel/locking/lockdep.c print_lock_invalid_wait_context"},

    Opening{"BUG: soft lockup - CPU#", false, SplatKind::soft_lockup, "kernel/watchdog.c watchdog_timer_fn"},
    Opening{"hard LOCKUP", false, SplatKind::hard_lockup,
            "kernel/watchdog.c watchdog_hardlockup_check, arch/powerpc/kernel/watchdog.c"},
    Opening{"detected stalls on CPUs/tasks", false, SplatKind::rcu_stall,
            "kernel/rcu/tree_stall.h print_other_cpu_stall"},
    Opening{"self-detected stall on CPU", false, SplatKind::rcu_stall,
            "kernel/rcu/tree_stall.h print_cpu_stall"},
    Opening{"INFO: task ", true, SplatKind::hung_task, "kernel/hung_task.c check_hung_task"},

    Opening{"Unable to handle kernel ", true, SplatKind::oops, "arch/arm64/mm/fault.c die_kernel_fault"},
    Opening{"Internal error: ", true, SplatKind::oops, "arch/arm64/kernel/traps.c __die"},
    Opening{"Oops: ", true, SplatKind::oops, "arch/powerpc/kernel/traps.c __die"},
    Opening{"BUG: Kernel NULL pointer dereference", true, SplatKind::oops,
            "arch/powerpc/mm/fault.c bad_page_fault"},
    Opening{"BUG: Unable to handle kernel ", true, SplatKind::oops, "arch/powerpc/mm/fault.c bad_page_fault"},

    Opening{"kernel BUG at ", true, SplatKind::bug, "lib/bug.c report_bug"},
    Opening{"BUG: ", true, SplatKind::bug,
            "kernel/sched/core.c __schedule_bug, mm/page_alloc.c bad_page, ..."},
    Opening{"WARNING: ", true, SplatKind::warning, "kernel/panic.c __warn"},
};

/// How lines begin that belong to a splat besides frames, which are indented: registers, the task, modules.
constexpr std::array<std::string_view, 41> kDetails = {
    // lib/dump_stack.c, kernel/module, kernel/panic.c
    "CPU: ",
    "Hardware name: ",
    "Modules linked in:",
    "Workqueue: ",
    "Tainted: ",
    "Comm: ",
    "Call trace:",
    "Call Trace:",
    "Preemption disabled at:",
    "task:",
    "Sending NMI ",
    "NMI backtrace for cpu",
    "Kdump: ",
    "rcu: ",
    "Mem abort info:",
    "Data abort info:",
    "Code: ",
    // arch/arm64/kernel/process.c __show_regs, arch/arm64/mm/fault.c show_pte
    "pstate: ",
    "pc : ",
    "lr : ",
    "sp : ",
    "x0",
    "x1",
    "x2",
    "x3",
    "x5",
    "x6",
    "x8",
    "x9",
    "user pgtable: ",
    "swapper pgtable: ",
    "[0",
    "[ffff",
    // arch/powerpc/kernel/process.c __show_regs, show_stack
    "NIP",
    "LR [",
    "REGS: ",
    "MSR: ",
    "CFAR: ",
    "IRQMASK: ",
    "GPR",
    "[c0",
};
constexpr std::array<std::string_view, 10> kPowerpcDetails = {"--- interrupt",
                                                              "--- Exception",
                                                              "Instruction dump:",
                                                              "Faulting instruction address",
                                                              "BE PAGE_SIZE=",
                                                              "LE PAGE_SIZE=",
                                                              "DAR: ",
                                                              "watchdog: CPU",
                                                              "Oops: ",
                                                              "Internal error: "};

constexpr std::string_view kEndTrace = "---[ end ";  // kernel/panic.c print_oops_end_marker

/// Other CPUs' lines that may stand between two lines of a splat.
constexpr std::size_t kMaxForeignLines = 4;

const Opening* find_opening(std::string_view message) {
  for (const auto& opening : kOpenings)
    if (opening.at_start ? message.starts_with(opening.text) : message.find(opening.text) != message.npos)
      return &opening;
  return nullptr;
}

/// "60000000 7d4a5378 ..." after "Instruction dump:".
bool is_hex_words(std::string_view message) {
  return message.size() >= 8 && message.find_first_not_of("0123456789abcdefX<>() ") == message.npos;
}

bool belongs_to_splat(std::string_view message) {
  const auto begins = [&](std::string_view detail) { return message.starts_with(detail); };
  return begins(" ") || begins("\t") || std::any_of(kDetails.begin(), kDetails.end(), begins) ||
         std::any_of(kPowerpcDetails.begin(), kPowerpcDetails.end(), begins) || is_hex_words(message);
}

bool is_trace_head(std::string_view message) {
  return message.starts_with("Call trace:") || message.starts_with("Call Trace:");
}

/// An oops is told in several steps: the fault or the BUG, then the death.
bool continues(const Splat& open, bool had_trace, const Opening& opening) {
  const bool of_one_fault = open.kind == SplatKind::oops || open.kind == SplatKind::bug;
  return of_one_fault && opening.kind == SplatKind::oops && !had_trace;
}

class SplatFinder {
 public:
  void take(std::size_t index, std::string_view message) {
    const Opening* opening = find_opening(message);
    if (opening != nullptr && open_ && continues(*open_, had_trace_, *opening)) {
      open_->kind = SplatKind::oops;
      open_->end = index + 1;
    } else if (opening != nullptr) {
      close();
      open_ = Splat{opening->kind, std::string(message), index, index + 1};
      had_trace_ = false;
    } else if (open_) {
      follow(index, message);
    }
  }

  std::vector<Splat> finish() {
    close();
    return std::move(found_);
  }

 private:
  void follow(std::size_t index, std::string_view message) {
    if (message.starts_with(kEndTrace)) {
      open_->end = index + 1;
      close();
    } else if (belongs_to_splat(message)) {
      open_->end = index + 1;
      had_trace_ = had_trace_ || is_trace_head(message);
    } else if (index - open_->end >= kMaxForeignLines) {
      close();
    }
  }

  void close() {
    if (open_) found_.push_back(std::move(*open_));
    open_.reset();
  }

  std::vector<Splat> found_;
  std::optional<Splat> open_;
  bool had_trace_ = false;
};

}  // namespace

std::string_view to_string(SplatKind kind) {
  constexpr std::array<std::string_view, 10> kNames = {"warning",   "bug",       "oops",        "sanitizer",
                                                       "lockdep",   "rcu-stall", "soft-lockup", "hard-lockup",
                                                       "hung-task", "panic"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::vector<Splat> find_splats(std::span<const std::string_view> lines) {
  SplatFinder finder;
  for (std::size_t i = 0; i < lines.size(); ++i) finder.take(i, without_time_stamp(lines[i]));
  return finder.finish();
}

}  // namespace crashpath
