#pragma once

// Which trials a run consists of: kernels x machines x scenarios.

#include <string>
#include <vector>

#include "harness/machine/backend.h"
#include "harness/trial/planned_trial.h"

namespace crashpath {

/// A change of the default machine that has a name, so that trials on it can be told apart. The scenario's
/// own [machine] goes before it.
struct NamedMachine {
  std::string name;  ///< part of the trial's id; empty: the default machine
  ScenarioMachine change;
};

/// What is put together: every scenario on every image on every machine, so many times.
struct PlanRequest {
  std::vector<const Scenario*> scenarios;
  std::vector<const GuestImage*> images;
  std::vector<NamedMachine> machines = {NamedMachine()};
  int repeat = 1;
};

/// The trials in a stable order: requests, images, machines, scenarios, repetitions. Combinations whose
/// architecture a scenario does not have are left out, those that lack a need carry a skip reason. Ids are
/// unique, also over requests. Scenarios and images must outlive the plan.
Result<std::vector<PlannedTrial>> make_plan(const std::vector<PlanRequest>& requests);
Result<std::vector<PlannedTrial>> make_plan(const std::vector<const Scenario*>& scenarios,
                                            const std::vector<GuestImage>& images, int repeat);

/// The machine for one scenario on one image, command line included. `config` is the kernel's, empty when
/// unknown.
MachineConfig make_machine_config(const Scenario& scenario, const GuestImage& image,
                                  const ScenarioMachine& change, std::string_view config);

/// What the guest lacks for the scenario and its trigger, in words, or nothing.
std::string lacking(const Scenario& scenario, const GuestImage& image, const MachineConfig& machine,
                    std::string_view config);

/// What the trial's scenario needs of a machine that this kind cannot do, or nothing.
std::string_view impossible(const PlannedTrial& trial, const Capabilities& can);

/// Says of each trial on what kind of machine it runs, and rules out those that need what it cannot do: their
/// skip reason names it, unless there is one already.
void assign_machine(std::vector<PlannedTrial>& trials, const MachineKind& machine_kind,
                    const Capabilities& capabilities);

/// Every trial on every one of these kinds of machine. With more than one their ids begin with its name.
std::vector<PlannedTrial> on_machines(const std::vector<PlannedTrial>& trials,
                                      const std::vector<MachineKind>& machine_kinds);

}  // namespace crashpath
