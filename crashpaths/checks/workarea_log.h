#pragma once

// What became of each RTAS work area, as the probe work_area said it in the log.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/evidence/evidence.h"
#include "harness/evidence/ranges.h"

namespace crashpath {

struct WorkAreaRequest {
  int ask = 0;                  ///< number of the event of its arrival; events are numbered from 1
  int got = 0;                  ///< of its being served; 0: it still waits
  bool refused = false;         ///< it was answered with NULL
  std::uint64_t size = 0;       ///< bytes
  std::string task;             ///< "crash-workload/203"
  int pid = 0;                  ///< of the task
  std::uint64_t ahead = 0;      ///< requests that waited when it came
  std::uint64_t overtaken = 0;  ///< requests that came later and were served before it
};

struct WorkAreaHolder {
  std::uint64_t size = 0;
  std::string task;
};

struct WorkAreaLog {
  std::vector<WorkAreaRequest> requests;         ///< in the order of arrival
  std::map<std::uint64_t, WorkAreaHolder> held;  ///< by physical address: served, and not given back
  std::size_t most_held = 0;                     ///< areas at once
  std::vector<std::string> contradictions;       ///< areas that were given out twice, or freed by nobody
  std::vector<Range> leaked;                     ///< what the probe said that it leaked
  std::set<int> missing;                         ///< numbers of events that are not in the log
  /// Areas of the last events: a crash stops CPUs between the event and what it is of.
  std::vector<Range> in_flight;
  std::uint64_t limit = 0;  ///< physical addresses that RTAS reaches are below

  std::vector<const WorkAreaRequest*> waiting() const;  ///< in the order of arrival
};

/// `dmesg`: as Vmcore::dmesg() has it. A guest error when the probe said nothing, or when so much is missing
/// that nothing follows from the rest.
Result<WorkAreaLog> parse_work_area_log(std::string_view dmesg);

/// Out of a trial's dump.
Result<WorkAreaLog> read_work_area_log(const Evidence& evidence);

}  // namespace crashpath
