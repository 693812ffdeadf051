#pragma once

// A memory witness: says which of the guest's memory is worth keeping. A scenario names it in `[record]
// pages`; at each moment that is recorded, while the guest is stopped, the host saves what it says to
// memory-MOMENT.elf. Registered with the checks of its room (check.h).

#include <boost/json.hpp>
#include <functional>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/evidence/evidence.h"
#include "harness/evidence/iomem.h"
#include "harness/evidence/moment.h"

namespace crashpath {

class KernelState;

/// What the reports show of it.
struct Exhibit {
  std::string text;  ///< lines; those that begin with "!!" are what is wrong
  boost::json::object json;
};

struct MemoryWitness {
  std::string name;     ///< "lpi-tables"
  std::string summary;  ///< one line for `crashpath list witnesses`
  /// Kernel symbols that it looks up, besides those of KernelState: the first kernel's agent is asked for
  /// them.
  std::vector<std::string> symbols;
  /// Guest physical ranges. `kernel` is the first kernel in the stopped guest; whatever is read of its memory
  /// meanwhile is saved as well, so that a check can go the same way through the file. `evidence` is what was
  /// recorded so far. An error leaves its ranges out, and is written down in moments.jsonl.
  std::function<Result<std::vector<Range>>(const KernelState& kernel, const Evidence& evidence,
                                           Moment moment)>
      ranges;
  /// None: only checks read what it saved.
  std::function<Result<Exhibit>(const Evidence&)> exhibit = {};
};

}  // namespace crashpath
