#include "cli/sweep_directory.h"

#include <fmt/format.h>

#include "harness/base/file.h"
#include "harness/evidence/directory.h"
#include "harness/trial/json_members.h"

namespace crashpath {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::string_view kSweepFile = "sweep.json";
constexpr int kSchema = 1;

fs::path scenario_file(const fs::path& directory, const SweepGuest& guest, const SweepPoint& point) {
  return directory / "scenarios" / guest.name() / (point.scenario + ".toml");
}

Result<SweepGuest> read_guest(const json::value& value, const fs::path& directory) {
  if (!value.is_object()) return Error::usage("a guest of sweep.json is no object");
  JsonMembers members(value.get_object(), "sweep.json");
  SweepGuest guest{.architecture = members.text("arch"),
                   .kernel = members.text("kernel"),
                   .release = members.text("release"),
                   .points = {}};
  const json::array points = members.array("points");
  CP_TRY(members.finish());
  for (const auto& each : points) {
    if (!each.is_object()) return Error::usage("a point of sweep.json is no object");
    JsonMembers about(each.get_object(), "sweep.json");
    SweepPoint point{.row = about.text("row"),
                     .column = about.text("column"),
                     .scenario = about.text("scenario"),
                     .text = {}};
    CP_TRY(about.finish());
    point.text = CP_TRY(read_file(scenario_file(directory, guest, point)));
    guest.points.push_back(std::move(point));
  }
  return guest;
}

Result<std::optional<TrialResult>> read_known(const fs::path& directory) {
  if (!fs::exists(directory / evidence_file::kVerdict)) return std::optional<TrialResult>();
  boost::system::error_code code;
  const json::value value = json::parse(CP_TRY(read_file(directory / evidence_file::kVerdict)), code);
  if (code) return std::optional<TrialResult>();
  auto verdict = Verdict::from_json(value);
  if (!verdict || verdict->outcome == Outcome::error) return std::optional<TrialResult>();
  return std::optional(CP_TRY(read_trial_result(directory, *std::move(verdict))));
}

}  // namespace

Result<> write_sweep(const fs::path& directory, const std::vector<SweepGuest>& guests) {
  json::array all;
  for (const SweepGuest& guest : guests) {
    json::array points;
    CP_TRY(make_directories(directory / "scenarios" / guest.name()));
    for (const SweepPoint& point : guest.points) {
      CP_TRY(write_file(scenario_file(directory, guest, point), point.text));
      points.push_back({{"row", point.row}, {"column", point.column}, {"scenario", point.scenario}});
    }
    all.push_back(json::object{{"arch", guest.architecture},
                               {"kernel", guest.kernel},
                               {"release", guest.release},
                               {"points", std::move(points)}});
  }
  return write_file(directory / kSweepFile,
                    json::serialize(json::object{{"schema", kSchema}, {"guests", std::move(all)}}) + "\n");
}

Result<std::vector<SweepGuest>> read_sweep(const fs::path& directory) {
  if (!fs::exists(directory / kSweepFile))
    return Error::usage(fmt::format("{} holds no sweep", directory.native()))
        .with_hint("name the directory of a sweep, which has a sweep.json");
  boost::system::error_code code;
  const json::value value = json::parse(CP_TRY(read_file(directory / kSweepFile)), code);
  if (code || !value.is_object())
    return Error::usage(fmt::format("{} is damaged", (directory / kSweepFile).native()));
  JsonMembers members(value.get_object(), kSweepFile);
  const double schema = members.number("schema");
  const json::array all = members.array("guests");
  CP_TRY(members.finish());
  if (schema != kSchema) return Error::usage("the sweep was made by another crashpath");
  std::vector<SweepGuest> guests;
  for (const auto& guest : all) guests.push_back(CP_TRY(read_guest(guest, directory)));
  return guests;
}

Result<std::optional<TrialResult>> take_known(const fs::path& directory, const std::string& trial) {
  const fs::path evidence = directory / trial;
  if (!fs::exists(evidence)) return std::optional<TrialResult>();
  auto known = read_known(evidence);
  if (known && known->has_value()) return known;
  CP_TRY(make_directories(directory / "earlier"));
  fs::path aside;
  for (int number = 1; aside.empty() || fs::exists(aside); ++number)
    aside = directory / "earlier" / fmt::format("{}.{}", trial, number);
  std::error_code code;
  fs::rename(evidence, aside, code);
  if (code) return Error::host(fmt::format("cannot move {} aside: {}", evidence.native(), code.message()));
  return std::optional<TrialResult>();
}

}  // namespace crashpath
