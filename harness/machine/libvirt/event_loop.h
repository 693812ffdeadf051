#pragma once

// The one thread on which libvirt calls us, and the state of the library that goes with it.

#include <chrono>

namespace crashpath::libvirt {

/// Initialises libvirt and starts its event loop, once in this process. Before the first connection is
/// opened: a connection uses the loop that was there when it began.
void start_event_loop();

/// Waits until the loop has looked at everything that had come before this call, at most so long. Not from
/// the loop's own thread.
void await_event_loop(std::chrono::milliseconds limit);

}  // namespace crashpath::libvirt
