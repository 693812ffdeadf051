#include "harness/report/outcome_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/file.h"
#include "harness/trial/json_members.h"

namespace crashpath {
namespace {

namespace json = boost::json;

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

/// What of a trial's id says kernel and machine, with the release, which an id need not have.
std::string guest_of(const TrialResult& trial) {
  std::string id = trial_without_repetition(trial.id);
  const std::string scenario = "-" + trial.scenario;
  if (id.ends_with(scenario)) id.resize(id.size() - scenario.size());
  return id.find(trial.kernel_release) == id.npos ? fmt::format("{} {}", id, trial.kernel_release) : id;
}

using ByPoint = std::map<std::string, std::vector<const TrialResult*>>;

Result<OutcomeTable> table_of_guest(const json::value& guest, const ByPoint& trials, std::string_view what) {
  if (!guest.is_object()) return Error::host(fmt::format("{}: a guest is no object", what));
  JsonMembers members(guest.get_object(), what);
  OutcomeTable table{.title = members.text("guest"), .rows = {}, .columns = {}, .cells = {}};
  const json::array points = members.array("points");
  CP_TRY(members.finish());
  for (const auto& point : points) {
    if (!point.is_object()) return Error::host(fmt::format("{}: a point is no object", what));
    JsonMembers about(point.get_object(), what);
    const std::string row = about.text("row"), column = about.text("column");
    const std::string trial = about.text("trial");
    CP_TRY(about.finish());
    table.add(row, column);
    const auto found = trials.find(trial_without_repetition(trial));
    if (found != trials.end()) table.cells[{row, column}] = found->second;
  }
  return table;
}

}  // namespace

void OutcomeTable::add(const std::string& row, const std::string& column) {
  add_once(rows, row);
  add_once(columns, column);
  cells[{row, column}];
}

std::string trial_without_repetition(std::string_view id) {
  return std::string(id.substr(0, id.rfind('-')));
}

OutcomeTable table_of_scenarios(const Results& results) {
  OutcomeTable table;
  for (const TrialResult& trial : results.trials) {
    const std::string guest = guest_of(trial);
    table.add(trial.scenario, guest);
    table.cells[{trial.scenario, guest}].push_back(&trial);
  }
  return table;
}

Result<std::vector<OutcomeTable>> tables_of_sweep(const Results& results,
                                                  const std::filesystem::path& run_directory) {
  const auto file = run_directory / "sweep-summary.json";
  if (!std::filesystem::exists(file)) return std::vector<OutcomeTable>();
  ByPoint trials;
  for (const TrialResult& trial : results.trials)
    trials[trial_without_repetition(trial.id)].push_back(&trial);
  boost::system::error_code code;
  const json::value summary = json::parse(CP_TRY(read_file(file)), code);
  if (code || !summary.is_object()) return Error::host(fmt::format("{} is damaged", file.native()));
  JsonMembers members(summary.get_object(), "sweep-summary.json");
  const json::array guests = members.array("guests");
  CP_TRY(members.finish());
  std::vector<OutcomeTable> tables;
  for (const auto& guest : guests)
    tables.push_back(CP_TRY(table_of_guest(guest, trials, "sweep-summary.json")));
  return tables;
}

}  // namespace crashpath
