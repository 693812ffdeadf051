#pragma once

#include "harness/evidence/page_hashes.h"
#include "harness/machine/machine.h"
#include "harness/trial/recorder.h"
#include "harness/trial/scenario.h"

namespace crashpath {

/// Stops the guest, records what the scenario wants of this moment, and lets it go on, save at the last one,
/// `captured`. `unchanged`: the hashes of the template that the guest is a fork of, or nullptr. What this
/// machine cannot give is written down in words (moments.jsonl) and no error; a guest that cannot go on is.
Result<> record_moment(Moment moment, const ScenarioRecord& wanted, Machine& machine, Recorder& recorder,
                       const PageHashes* unchanged);

}  // namespace crashpath
