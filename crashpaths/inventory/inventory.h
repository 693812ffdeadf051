#pragma once

// The crash-path inventory of a kernel: which RTAS and hypervisor calls it makes from the panic to the crash
// kernel. Every one of them is something that a crash depends on.

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/evidence/evidence.h"

namespace crashpath {

struct InventoryCall {
  std::string kind;  ///< "RTAS", "hcall"
  std::string name;  ///< "ibm,int-off", "H_INT_RESET"; where it has none, the opcode
  std::string by;    ///< "crashing CPU", "other CPUs"
  std::uint64_t times = 0;
  std::string example;  ///< the first of them: "(0x1000) = 0"
};

struct Inventory {
  std::string trial;   ///< "pseries-6.12-rtas.calls-xics-1"
  std::string kernel;  ///< its release
  std::vector<InventoryCall>
      calls;  ///< RTAS in the order of the first of each, then hypervisor calls by opcode
};

/// Out of a trial's dump. A guest error when no probe said anything of a crash's calls.
Result<Inventory> read_inventory(const Evidence& evidence);

/// One line of two inventories side by side.
struct InventoryRow {
  std::string kind, name, by;
  std::uint64_t times[2] = {0, 0};  ///< in the first and in the second
  std::string example;              ///< of the first that has it
};

/// Every call that either of them has, in the order of the first, and what only the second has behind those
/// of its kind.
std::vector<InventoryRow> compare(const Inventory& first, const Inventory& second);
/// Whether one kernel makes a call that the other does not. How often is not compared: it depends on what
/// there is to print, and on how long CPUs wait.
bool same_calls(const std::vector<InventoryRow>& rows);

std::string to_text(const Inventory& inventory);
std::string to_text(const Inventory& first, const Inventory& second);
boost::json::object to_json(const Inventory& inventory);
boost::json::object to_json(const Inventory& first, const Inventory& second);

}  // namespace crashpath
