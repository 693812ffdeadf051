#include "harness/machine/libvirt/event_loop.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <thread>

#include "harness/machine/libvirt/handles.h"

namespace crashpath::libvirt {
namespace {

/// A turn of the loop calls timers first and then what came over sockets: what had come before is dealt with
/// when a timer is called for the second time (libvirt src/util/vireventpoll.c, virEventPollRunOnce()).
struct Turns {
  std::mutex mutex;
  std::condition_variable passed;
  int left = 2;
};

void take_turn(int timer, void* opaque) {
  Turns& turns = **static_cast<std::shared_ptr<Turns>*>(opaque);
  const std::scoped_lock lock(turns.mutex);
  if (--turns.left > 0) return;
  virEventUpdateTimeout(timer, -1);
  turns.passed.notify_all();
}

void forget_turns(void* opaque) {
  delete static_cast<std::shared_ptr<Turns>*>(opaque);
}

}  // namespace

void start_event_loop() {
  static std::once_flag once;
  std::call_once(once, [] {
    // Every error comes back from the call that failed; what the drivers in this process would print besides
    // is for those who ask for it.
    ::setenv("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null", 0);
    virInitialize();
    virSetErrorFunc(nullptr, [](void*, virErrorPtr) {});
    virEventRegisterDefaultImpl();
    // Until the process ends: domains of drivers in this process need it as long as there is one.
    std::thread([] {
      for (;;) virEventRunDefaultImpl();
    }).detach();
  });
}

void await_event_loop(std::chrono::milliseconds limit) {
  auto turns = std::make_shared<Turns>();
  const int timer = virEventAddTimeout(0, take_turn, new std::shared_ptr(turns), forget_turns);
  if (timer < 0) return;
  {
    std::unique_lock lock(turns->mutex);
    turns->passed.wait_for(lock, limit, [&] { return turns->left <= 0; });
  }
  virEventRemoveTimeout(timer);
}

Error last_error(std::string_view what, boost::source_location where) {
  const virErrorPtr error = virGetLastError();
  std::string words(what);
  words += ": ";
  words += error != nullptr && error->message != nullptr ? error->message : "libvirt does not say why";
  return {Fault::host, std::move(words), where};
}

}  // namespace crashpath::libvirt
