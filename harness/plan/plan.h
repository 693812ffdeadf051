#pragma once

// Which trials a run consists of.

#include <vector>

#include "harness/trial/planned_trial.h"

namespace crashpath {

/// Every combination of images and scenarios (repeated), in a stable order; combinations whose architecture a scenario
/// does not have are left out, those that lack a need carry a skip reason.
Result<std::vector<PlannedTrial>> make_plan(const std::vector<const Scenario*>& scenarios,
                                            const std::vector<GuestImage>& images, int repeat);

}  // namespace crashpath
