#pragma once

// Runs one trial: takes a guest through its script and leaves evidence. It judges nothing.

#include <filesystem>
#include <functional>
#include <memory>

#include "harness/machine/machine.h"
#include "harness/trial/interruption.h"
#include "harness/trial/planned_trial.h"
#include "harness/trial/recorder.h"

namespace crashpath {

/// Told what happens, for live progress. Called on the trial's own thread.
class TrialObserver {
 public:
  virtual ~TrialObserver() = default;
  virtual void stage_entered(Stage stage) = 0;
  virtual void console_line(std::string_view text) = 0;
  virtual void capture_progress(std::uint64_t done, std::uint64_t total) = 0;
};

/// For trials that nobody watches.
class UnobservedTrial final : public TrialObserver {
 public:
  void stage_entered(Stage) override {}
  void console_line(std::string_view) override {}
  void capture_progress(std::uint64_t, std::uint64_t) override {}
};

using MachineFactory = std::function<Result<std::unique_ptr<Machine>>(const MachineConfig&)>;

/// Bytes of the disk for the dump: no dump is larger than the guest's RAM and its ELF headers, or the bitmaps
/// of a filtered one.
std::uint64_t capture_disk_size(int memory_mib);

struct Template;

/// Always leaves a timeline with an end, as far as the disk allows. An error only where no evidence could be
/// written at all (directory unwritable). With `fork_of` the guest begins there instead of at power-on.
Result<> run_trial(const PlannedTrial& trial, const std::filesystem::path& directory,
                   const MachineFactory& make_machine, TrialObserver& observer, Interruption& interruption,
                   const Template* fork_of = nullptr);

}  // namespace crashpath
