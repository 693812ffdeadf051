#pragma once

// What only some machines can do.

namespace crashpath {

/// What a scenario needs of a machine that cannot do it rules the trial out, before it begins.
struct Capabilities {
  bool forks = false;          ///< MachineConfig::fork_of; without it every trial boots
  bool traces = false;         ///< MachineConfig::trace_events
  bool sees_memory = false;    ///< memory()
  bool writes_memory = false;  ///< write_memory()
  bool saves_devices = false;  ///< save_device_state()
  bool tcg_threads = false;    ///< MachineConfig::tcg_thread other than "multi"
};

}  // namespace crashpath
