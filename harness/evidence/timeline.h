#pragma once

// timeline.jsonl: how a trial went, written while it goes. One JSON object a line:
//   {"t": 3.25, "stage": "boot"}                                      a stage was entered
//   {"t": 9.5, "end": "done", "words": "..."}                         the trial ended: done, guest, host,
//   lacks
// The verdict's stages and the difference between fail, skip and error come from here and nowhere else.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/evidence/stage.h"

namespace crashpath {

struct TimelineStage {
  double seconds = 0;
  Stage stage = Stage::image;
};

enum class EndedBy {
  done,   ///< everything the scenario asks for was recorded
  guest,  ///< the kernel under test did not get further: hung, panicked elsewhere, refused
  host,   ///< we or the host: QEMU died, the disk is full, interrupted
  lacks,  ///< the guest lacks what the scenario needs
};
std::string_view to_string(EndedBy by);

struct TimelineEnd {
  double seconds = 0;
  EndedBy by = EndedBy::host;
  std::string words;  ///< one line for a person: what happened, or what is lacking
};

struct Timeline {
  std::vector<TimelineStage> stages;
  std::optional<TimelineEnd> end;  ///< none: the harness itself was killed
};

/// An error for a line that is neither; a last line without its line end is left out, for that is how a
/// killed harness leaves the file.
Result<Timeline> parse_timeline(std::string_view text);
Result<Timeline> read_timeline(const std::filesystem::path& file);
std::string to_json_line(const TimelineStage& stage);  ///< with line end
std::string to_json_line(const TimelineEnd& end);

}  // namespace crashpath
