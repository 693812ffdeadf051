#include "harness/trial/deadlines.h"

#include <algorithm>

namespace crashpath {

using std::chrono::seconds;

// Measured boots under TCG on two idle CPUs: 5 s on arm64 (UEFI), 8 s on pseries (SLOF). These are 30 times
// that.
Deadlines::Deadlines(std::string_view architecture)
    : slowest_boot_(architecture == "pseries" ? seconds(240) : seconds(180)) {}

Clock::duration Deadlines::budget(Stage stage) const {
  // So many measured boots, but never less than so much: short boots are measured badly, and a guest's
  // watchdogs count seconds of their own.
  const auto scaled = [&](int times, seconds least) {
    return boot_ ? std::max<Clock::duration>(times * *boot_, least) : slowest_boot_;
  };
  switch (stage) {
    case Stage::image:
    case Stage::boot:
      return slowest_boot_;
    case Stage::arm:
      return scaled(10, seconds(60));  // a plain kexec boots another kernel in it
    case Stage::crash:
      return scaled(6, seconds(90));  // hung task and soft lockup wait for a watchdog
    case Stage::handover:
      return scaled(10, seconds(60));  // purgatory may check SHA-256 of all that is loaded
    case Stage::second_kernel:
      return scaled(10, seconds(90));  // one CPU, little memory
    case Stage::capture:
      return scaled(6, seconds(60));  // between two signs of progress
    case Stage::verify:
      return scaled(2, seconds(60));
  }
  return slowest_boot_;
}

// A fork wakes in 0.1 to 0.5 s on idle CPUs; but the first one may have been lucky, and this one may not be
// alone.
Clock::duration Deadlines::waking() const {
  return woke_ ? std::clamp<Clock::duration>(30 * *woke_, seconds(20), slowest_boot_) : slowest_boot_;
}

Clock::duration extension(Clock::duration budget, Clock::duration waited, Clock::duration starved) {
  constexpr int kMostBudgets = 2;
  if (starved < seconds(1) || waited >= kMostBudgets * budget) return {};
  return std::min(starved, kMostBudgets * budget - waited);
}

bool had_no_chance(Clock::duration budget, Clock::duration waited, Clock::duration starved) {
  return waited - starved < budget / 4;
}

}  // namespace crashpath
