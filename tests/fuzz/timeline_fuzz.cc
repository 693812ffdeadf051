#include "harness/evidence/timeline.h"

#include "tests/fuzz/fuzz_input.h"

using namespace crashpath;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto timeline = parse_timeline(text_of(data, size));
  if (!timeline) return 0;
  // What can be read can be written, and read again as the same.
  std::string again;
  for (const TimelineStage& stage : timeline->stages) again += to_json_line(stage);
  if (timeline->end) again += to_json_line(*timeline->end);
  const auto second = parse_timeline(again);
  require(second && second->stages.size() == timeline->stages.size());
  require(second->end.has_value() == timeline->end.has_value());
  return 0;
}
