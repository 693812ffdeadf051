#include "harness/trial/interruption.h"

namespace crashpath {

void Interruption::request() {
  const std::scoped_lock lock(mutex_);
  requested_ = true;
  for (Machine* machine : machines_) machine->interrupt();
}

Interruption::Attachment::Attachment(Interruption& interruption, Machine& machine)
    : interruption_(interruption), machine_(machine) {
  const std::scoped_lock lock(interruption_.mutex_);
  interruption_.machines_.insert(&machine_);
  if (interruption_.requested_) machine_.interrupt();
}

Interruption::Attachment::~Attachment() {
  const std::scoped_lock lock(interruption_.mutex_);
  interruption_.machines_.erase(&machine_);
}

}  // namespace crashpath
