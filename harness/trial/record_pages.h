#pragma once

#include <boost/json.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/evidence/moment.h"
#include "harness/machine/machine.h"
#include "harness/trial/memory_witness.h"

namespace crashpath {

struct RecordedPages {
  boost::json::object named;  ///< what each witness named, by its name, in words
  std::string lacking;        ///< what could not be had, and why; empty when all could
};

/// Asks the witnesses and writes memory-MOMENT.elf into the trial's directory, whose evidence they may read.
/// The guest must be stopped. An error is the host's only, such as a full disk.
Result<RecordedPages> record_pages(Moment moment, const std::vector<MemoryWitness>& witnesses,
                                   const GuestMemory& memory, const std::filesystem::path& directory);

}  // namespace crashpath
