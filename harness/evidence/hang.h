#pragma once

// What every vCPU was doing when a guest got no further in time: vcpus-hang.json, which harness/trial records
// while the guest still stands there. docs/evidence.md describes the file.

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/evidence/evidence.h"

namespace crashpath {

/// One function of a call chain.
struct HangFrame {
  std::string function;  ///< "rtas_call+0x1c8", "[rtas_hold]+0x88" of a module, or the address
  /// What interrupted it: the vector of a powerpc interrupt, such as 0x100, a system reset. 0: it called.
  std::uint64_t trap = 0;
};

struct HungCpu {
  int cpu = 0;
  std::vector<HangFrame> chain;  ///< innermost first
  bool moves = false;            ///< the samples were not all of one function
  /// Where it spins for a lock: the lock's name, or empty when that cannot be told.
  std::optional<std::string> waits_for;
  /// The CPU that holds it, where the lock's word says so (powerpc's qspinlock).
  std::optional<int> held_by;
};

struct Hang {
  std::vector<HungCpu> cpus;

  /// In one line: who waits for what and who holds it; else where each CPU is.
  std::string words() const;
  /// One line for each CPU, with its whole chain.
  std::vector<std::string> lines() const;
  /// Whether some CPU waits for a lock that it waited for `earlier`, having come there on the same way.
  bool still_waits(const Hang& earlier) const;
};

/// `modules`: the guest's /proc/modules, by which addresses of modules are told; may be empty. An error of
/// fault `lacks` where nothing could be recorded, with the reason; a host error for what is no record of a
/// hang. What a guest made nonsense of only ends a chain.
Result<Hang> parse_hang(const boost::json::value& recorded, std::string_view modules);

/// vcpus-hang.json of a trial.
Result<Hang> read_hang(const Evidence& evidence);

}  // namespace crashpath
