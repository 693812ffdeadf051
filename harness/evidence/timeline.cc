#include "harness/evidence/timeline.h"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <string_view>

#include "harness/base/file.h"
#include "harness/base/json_number.h"

namespace crashpath {
namespace {

constexpr std::array<std::string_view, 4> kEndedByNames = {"done", "guest", "host", "lacks"};

std::optional<EndedBy> parse_ended_by(std::string_view text) {
  for (std::size_t i = 0; i < kEndedByNames.size(); ++i) {
    if (kEndedByNames[i] == text) return static_cast<EndedBy>(i);
  }
  return std::nullopt;
}

const boost::json::string* if_string_member(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  return value ? value->if_string() : nullptr;
}

/// Adds one line to the timeline; false when the line is none of the two kinds.
bool add_line(Timeline& timeline, const boost::json::object& line) {
  const auto seconds = number_member<double>(line, "t");
  if (!seconds) return false;
  if (const auto* name = if_string_member(line, "stage")) {
    const auto stage = parse_stage(*name);
    if (stage) timeline.stages.push_back({*seconds, *stage});
    return stage.has_value();
  }
  const auto* end = if_string_member(line, "end");
  const auto* words = if_string_member(line, "words");
  const auto by = end ? parse_ended_by(*end) : std::nullopt;
  if (!by || !words) return false;
  timeline.end = TimelineEnd{*seconds, *by, std::string(*words)};
  return true;
}

}  // namespace

std::string_view to_string(EndedBy by) {
  return kEndedByNames.at(static_cast<std::size_t>(by));
}

Result<Timeline> parse_timeline(std::string_view text) {
  Timeline timeline;
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    // A line without its end was cut off when the harness was killed while it wrote it.
    if (end == std::string_view::npos) break;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    ++number;
    boost::system::error_code error;
    const boost::json::value value = boost::json::parse(boost::json::string_view(line), error);
    if (error || !value.is_object() || !add_line(timeline, value.get_object()))
      return Error::host(fmt::format("line {} is neither a stage nor an end: '{}'", number, line));
  }
  return timeline;
}

Result<Timeline> read_timeline(const std::filesystem::path& file) {
  auto timeline = parse_timeline(CP_TRY(read_file(file)));
  if (!timeline) return Error(std::move(timeline).error()).within(file.filename().string());
  return timeline;
}

std::string to_json_line(const TimelineStage& stage) {
  return boost::json::serialize(
             boost::json::object{{"t", stage.seconds}, {"stage", to_string(stage.stage)}}) +
         "\n";
}

std::string to_json_line(const TimelineEnd& end) {
  return boost::json::serialize(
             boost::json::object{{"t", end.seconds}, {"end", to_string(end.by)}, {"words", end.words}}) +
         "\n";
}

}  // namespace crashpath
