#pragma once

// What a line of a guest's console tells about how far the guest is: one table, phases.cc.

#include <optional>
#include <span>
#include <string_view>

#include "harness/machine/architecture.h"

namespace crashpath {

enum class Phase {
  kernel_start,   ///< the first lines of any kernel, the crash kernel too
  userspace,      ///< the kernel starts its init
  oops,           ///< a fault of the kernel; a panic may follow or not
  bug,            ///< BUG(), or a state that must not be
  warning,        ///< WARN()
  stall,          ///< CPUs or tasks that do not get on
  out_of_memory,  ///< the OOM killer
  panic,          ///< also when no init was found: the words say it
  crash_kexec,    ///< this kernel hands over to another one, after a crash or by a plain kexec
  shutdown,       ///< it ends the machine on its own
  damaged,        ///< purgatory found the crash kernel damaged and stops for ever
};

struct PhaseMark {
  std::string_view text;          ///< found anywhere in the line
  std::string_view architecture;  ///< ours; empty: any
  Phase phase;
  std::string_view words;   ///< for a person: what the guest does
  std::string_view source;  ///< of the kernel (or of what else says it): file and function
};

/// In the order in which they are tried.
std::span<const PhaseMark> phase_marks();

/// The mark that a console line carries, or nullptr. Lines are the guest's word: a guest that prints such a
/// text for another reason is taken by its word.
const PhaseMark* find_phase_mark(std::string_view line, const Architecture& architecture);
std::optional<Phase> find_phase(std::string_view line, const Architecture& architecture);

/// A kernel message without the time stamp and the caller ("[    1.234567][  T12] ") that printk puts before
/// it (kernel/printk/printk.c print_time, print_caller).
std::string_view without_time_stamp(std::string_view line);

}  // namespace crashpath
