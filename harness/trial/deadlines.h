#pragma once

// How long a guest may take for each stage, scaled by how fast this host booted this guest.

#include <optional>
#include <string_view>

#include "harness/evidence/stage.h"
#include "harness/machine/machine.h"

namespace crashpath {

class Deadlines {
 public:
  explicit Deadlines(std::string_view architecture);

  /// From power-on to the first kernel's agent.
  void booted_in(Clock::duration boot) { boot_ = boot; }
  /// What the first fork of a template took to answer, right after the template was saved.
  void woke_in(Clock::duration woke) { woke_ = woke; }

  /// How long to wait in this stage for the next sign of life (an answer, progress, the next stage). Before
  /// boot was measured it is generous: emulation on a loaded host.
  Clock::duration budget(Stage stage) const;
  /// How long a fork may take to answer for the first time.
  Clock::duration waking() const;

 private:
  Clock::duration slowest_boot_;
  std::optional<Clock::duration> boot_, woke_;
};

/// How much longer to wait when a deadline of `budget` has passed after `waited`, because the host gave one
/// of the guest's CPUs nothing for `starved` of the time since the deadline was set. Nothing when that was
/// hardly any; and altogether at most twice the budget, because CPUs that spin for ever starve each
/// other for ever.
Clock::duration extension(Clock::duration budget, Clock::duration waited, Clock::duration starved);

/// Whether a guest that waited so long, and meanwhile starved so long, had too little of the host's CPUs to
/// be blamed: not a quarter of its budget.
bool had_no_chance(Clock::duration budget, Clock::duration waited, Clock::duration starved);

}  // namespace crashpath
