#pragma once

// Waiting for what the kernel announces.

#include <chrono>
#include <functional>
#include <string_view>

#include "harness/base/file.h"

namespace crashpath {

/// The kernel's uevents (netlink). Where a kernel has none, waiting looks again in short intervals instead.
class Uevents {
 public:
  Uevents();
  /// Waits until `condition` holds; looks after every uevent. False when the deadline has passed.
  bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds at_most);

 private:
  UniqueFd socket_;
};

/// How long this agent waits for a device: a multiple of what this guest took to boot, so that a slow host
/// gets as many times more.
std::chrono::milliseconds device_deadline();

}  // namespace crashpath
