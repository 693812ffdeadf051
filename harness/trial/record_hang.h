#pragma once

#include <functional>

#include "harness/evidence/hang.h"
#include "harness/machine/machine.h"
#include "harness/trial/recorder.h"

namespace crashpath {

/// For a guest that got no further in time and is still there: stops it a few times, `between` which it may
/// run on for a moment, and writes down what every vCPU does, and on which stack, to vcpus-hang.json. What
/// cannot be had is written down in words in that file. The guest stays stopped.
void record_hang(Machine& machine, Recorder& recorder, const Architecture& architecture,
                 const std::function<void()>& between);

/// Stops a guest for one such look, writes nothing down, and lets it run on.
Result<Hang> look_at_vcpus(Machine& machine, const Architecture& architecture);

}  // namespace crashpath
