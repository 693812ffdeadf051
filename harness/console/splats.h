#pragma once

// Splats: what a kernel prints when it finds something wrong with itself, with the trace that belongs to it.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace crashpath {

enum class SplatKind {
  warning,      ///< WARN()
  bug,          ///< BUG(), "BUG: scheduling while atomic", bad page state, ...
  oops,         ///< a fault in kernel mode
  sanitizer,    ///< KASAN, KCSAN, KFENCE, UBSAN
  lockdep,      ///< lock order, suspicious RCU usage
  rcu_stall,    ///< a CPU or task without a quiescent state
  soft_lockup,  ///< a CPU that does not schedule
  hard_lockup,  ///< a CPU that takes no interrupts
  hung_task,    ///< a task that sleeps for very long
  panic,        ///< the panic itself; a sysrq crash is one of these and nothing else
};
std::string_view to_string(SplatKind kind);  ///< "rcu-stall"

struct Splat {
  SplatKind kind = SplatKind::warning;
  std::string
      title;  ///< its first line without time stamp: "BUG: scheduling while atomic: init/1/0x00000002"
  std::size_t begin = 0;  ///< index of its first line
  std::size_t end = 0;    ///< behind its last line
};

/// All splats of a console log (or of a dmesg), in order. Lines of other CPUs that come between the lines of
/// one splat are counted to it.
std::vector<Splat> find_splats(std::span<const std::string_view> lines);

}  // namespace crashpath
