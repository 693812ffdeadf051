#pragma once

// Writes a trial's evidence while it happens: every line reaches the file before the next event is looked at,
// so that a killed harness leaves what there was.

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "harness/base/file.h"
#include "harness/base/result.h"
#include "harness/evidence/evidence.h"
#include "harness/evidence/timeline.h"

namespace crashpath {

class Recorder {
 public:
  /// Makes the directory; an error when it holds evidence already: two trials are never mixed.
  static Result<Recorder> create(std::filesystem::path directory);

  const std::filesystem::path& directory() const { return directory_; }
  double seconds() const;  ///< since the trial began

  void enter(Stage stage);
  Stage stage() const { return stage_; }
  void end(EndedBy by, std::string_view words);  ///< the first call counts
  bool ended() const { return ended_; }

  /// What the first kernel said before this trial began as a fork of it, out of the evidence of the guest
  /// that was saved `saved_at` seconds after its own beginning: its times become negative.
  Result<> inherit(const std::filesystem::path& directory, double saved_at);

  void console(Kernel kernel, std::string_view text);
  void agent(Kernel kernel, std::string_view line);
  void hypervisor(std::string_view event, const boost::json::object& data);
  /// The guest was stopped at `since`, for so long; `lacking`: what could not be recorded, by file, and why.
  void moment(const boost::json::object& about);  ///< a line of moments.jsonl
  void store(std::string_view file, std::string_view content);

  /// The first write that failed: evidence is incomplete and the trial cannot be judged.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  explicit Recorder(std::filesystem::path directory);
  void append(std::string_view file, std::string_view text);

  std::filesystem::path directory_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  Stage stage_ = Stage::image;
  bool ended_ = false;
  std::map<std::string, UniqueFd, std::less<>> files_;
  std::optional<Error> failure_;
};

}  // namespace crashpath
