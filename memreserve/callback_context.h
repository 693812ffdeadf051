#pragma once

// In which context the kernel reserves and frees pending tables: what the probe memreserve_context prints
// (docs/probes.md has the lines).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/trial/check.h"
#include "memreserve/witnesses.h"

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

/// A kernel that reserves in the starting callback, which is atomic, may do so unless it is PREEMPT_RT, where
/// the allocator's locks sleep: then it fails, else it is a skip.
CheckResult judge_callback_context(const CallbackContexts& contexts, const Witnesses& witnesses);

}  // namespace crashpath
