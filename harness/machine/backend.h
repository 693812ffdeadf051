#pragma once

// Which kind of Machine runs a guest. A new backend is a class and one entry in backend.cc.

#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "harness/machine/machine.h"

namespace crashpath {

struct Backend {
  std::string_view name;     ///< "qemu"
  std::string_view summary;  ///< one line for a person
  /// What only some hypervisors can do. A trial that needs it on another backend is skipped.
  bool host_sees_memory = false;      ///< memory() and write_memory()
  bool records_trace_events = false;  ///< MachineConfig::trace_events
  std::unique_ptr<Machine> (*make)(MachineConfig config) = nullptr;
};

/// The first one is the default.
std::span<const Backend> backends();

/// A machine that is not started yet. A usage error when there is no such backend.
Result<std::unique_ptr<Machine>> make_machine(std::string_view backend, MachineConfig config);

}  // namespace crashpath
