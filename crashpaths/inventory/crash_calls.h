#pragma once

// What probes said in the log of the RTAS and hypervisor calls of a crash.

#include <cstdint>
#include <string>
#include <vector>

namespace crashpath {

/// A call of rtas_call(), as the probes rtas_hold and rtas_emergency_args say it. They stop after the first
/// 100.
struct RtasCall {
  std::string by;  ///< the probe
  int cpu = 0;
  std::string name;       ///< "ibm,int-off"; "?" where the device tree has no such token
  std::string arguments;  ///< "0x1000,0x0", "-" for none
  int status = 0;
};

/// Hypervisor calls of one opcode, as the probe hcall_log says them.
struct HypervisorCalls {
  bool crashing = false;  ///< of the CPU that panicked; else of all others
  std::uint64_t opcode = 0;
  std::string name;  ///< "H_INT_RESET", "?"
  std::uint64_t times = 0;
  std::string arguments;    ///< the first two of the first call: "0x0,0x1"
  std::int64_t status = 0;  ///< of the first call
  int cpu = 0;              ///< of the first call
};

/// In the order of the log. `dmesg`: as Vmcore::dmesg() has it.
std::vector<RtasCall> rtas_calls_in(const std::string& dmesg);
std::vector<HypervisorCalls> hypervisor_calls_in(const std::string& dmesg);

}  // namespace crashpath
