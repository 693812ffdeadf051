#pragma once

// In which context the kernel reserves and frees pending tables: what the probe memreserve_context prints
// (docs/probes.md has the lines).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/evidence/evidence.h"
#include "harness/trial/check.h"

namespace crashpath {

struct CallbackContext {
  bool frees = false;  ///< else it reserves
  int cpu = 0;
  std::string task;
  std::uint64_t base = 0;
  bool atomic = false;  ///< it could not have slept
  std::string caller;
  std::string evidence;  ///< file and line
};

struct CallbackContexts {
  bool armed = false;  ///< the probe was loaded
  std::vector<CallbackContext> calls;
};

/// Out of the consoles of both kernels.
Result<CallbackContexts> read_callback_context(const Evidence& evidence);

/// Fails for a reservation in atomic context, as kernels before 5.17 make it in the starting callback:
/// GFP_ATOMIC lets them, but on PREEMPT_RT the allocator's locks sleep all the same.
CheckResult judge_callback_context(const CallbackContexts& contexts);

}  // namespace crashpath
