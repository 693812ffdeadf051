#pragma once

// Ends the trials that run, from another thread: Ctrl-C.

#include <atomic>
#include <mutex>
#include <set>

#include "harness/machine/machine.h"

namespace crashpath {

class Interruption {
 public:
  /// Interrupts every attached machine, and every one that will be. From any thread.
  void request();
  const std::atomic<bool>& requested() const { return requested_; }

  /// Keeps a machine attached as long as it lives; must go before the machine does.
  class Attachment {
   public:
    Attachment(Interruption& interruption, Machine& machine);
    ~Attachment();
    Attachment(const Attachment&) = delete;
    Attachment& operator=(const Attachment&) = delete;

   private:
    Interruption& interruption_;
    Machine& machine_;
  };

 private:
  std::atomic<bool> requested_{false};
  std::mutex mutex_;
  std::set<Machine*> machines_;
};

}  // namespace crashpath
