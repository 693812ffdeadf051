#include "harness/report/sweep_summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/report/outcome_table.h"
#include "harness/report/signature.h"

namespace crashpath {
namespace {

namespace json = boost::json;

constexpr std::size_t kManyPoints = 60;  ///< of one column: those that passed are counted, not listed

bool is_failure(Outcome outcome) {
  return outcome == Outcome::fail || outcome == Outcome::xpass || outcome == Outcome::error;
}

/// "pass 3.9 s", "fail handover 2/3": what stands in a cell.
std::string cell(const PointOutcome* point) {
  if (point == nullptr) return "not run";
  if (point->outcome == Outcome::skip) return "-";
  std::string text(to_string(point->outcome));
  text += is_failure(point->outcome) ? fmt::format(" {}", to_string(point->stage))
                                     : fmt::format(" {:.1f} s", point->seconds);
  if (point->repeated > 0) text += fmt::format(" {}/{}", point->alike + 1, point->repeated + 1);
  return text;
}

std::string how_firm(const PointOutcome& point) {
  if (point.repeated == 0) return "";
  return point.alike == point.repeated
             ? fmt::format(", firm: {} of {} alike", point.alike + 1, point.repeated + 1)
             : fmt::format(", flaky: {} of {} alike", point.alike + 1, point.repeated + 1);
}

template <class T>
std::vector<std::string> in_order(const std::vector<SweptPoint>& points, T member) {
  std::vector<std::string> all;
  for (const SweptPoint& point : points)
    if (std::find(all.begin(), all.end(), point.*member) == all.end()) all.push_back(point.*member);
  return all;
}

}  // namespace

SweepSummary::SweepSummary(std::vector<SweptGuest> guests, const Results& results,
                           const std::filesystem::path& run_directory)
    : guests_(std::move(guests)), directory_(run_directory) {
  std::map<std::string, std::string> first_of;  // point: id of its first trial
  for (const TrialResult& trial : results.trials) {
    const Verdict& verdict = trial.verdict;
    const std::string signature =
        is_failure(verdict.outcome) ? failure_signature(run_directory / trial.id, verdict) : std::string();
    const auto [first, is_first] = first_of.emplace(trial_without_repetition(trial.id), trial.id);
    if (is_first) {
      outcomes_[trial.id] = {.outcome = verdict.outcome,
                             .stage = verdict.stage,
                             .seconds = verdict.seconds,
                             .words = verdict.words,
                             .signature = signature};
      continue;
    }
    PointOutcome& point = outcomes_.at(first->second);
    // One that was interrupted, or went wrong by our own fault, confirms nothing and contradicts nothing.
    if (verdict.outcome == Outcome::error && point.outcome != Outcome::error) continue;
    ++point.repeated;
    if (point.outcome == verdict.outcome && point.signature == signature) ++point.alike;
  }
}

const PointOutcome* SweepSummary::find(const SweptPoint& point) const {
  const auto found = outcomes_.find(point.trial);
  return found == outcomes_.end() ? nullptr : &found->second;
}

std::string SweepSummary::table_of(const SweptGuest& guest, const Terminal& terminal) const {
  const auto rows = in_order(guest.points, &SweptPoint::row);
  const auto columns = in_order(guest.points, &SweptPoint::column);
  std::map<std::pair<std::string, std::string>, const SweptPoint*> at;
  for (const SweptPoint& point : guest.points) at[{point.row, point.column}] = &point;
  std::size_t row_width = 5, width = 12;
  for (const auto& row : rows) row_width = std::max(row_width, row.size());
  for (const auto& column : columns) width = std::max(width, column.size());
  for (const SweptPoint& point : guest.points) width = std::max(width, cell(find(point)).size());

  std::string text = fmt::format("{}\n  {:{}}", guest.title, "", row_width);
  for (const auto& column : columns) text += fmt::format("  {:{}}", column, width);
  while (text.ends_with(' ')) text.pop_back();
  text += "\n";
  const bool brief = columns.size() == 1 && rows.size() > kManyPoints;
  std::size_t left_out = 0;
  for (const auto& row : rows) {
    std::string line = fmt::format("  {:{}}", row, row_width);
    bool passed = true;
    for (const auto& column : columns) {
      const auto point = at.find({row, column});
      if (point == at.end()) {
        line += fmt::format("  {:{}}", "", width);
        continue;
      }
      const PointOutcome* outcome = find(*point->second);
      passed = passed && outcome != nullptr && outcome->outcome == Outcome::pass;
      const std::string padded = fmt::format("{:{}}", cell(outcome), width);
      line += "  " + (outcome == nullptr ? padded : colored(outcome->outcome, padded, terminal));
    }
    while (line.ends_with(' ')) line.pop_back();
    if (brief && passed)
      ++left_out;
    else
      text += line + "\n";
  }
  if (left_out > 0) text += fmt::format("  and {} that passed\n", left_out);
  return text;
}

std::string SweepSummary::failures(const Terminal& terminal) const {
  std::map<std::string, std::vector<const SweptPoint*>> alike;
  for (const SweptGuest& guest : guests_)
    for (const SweptPoint& point : guest.points)
      if (const auto* outcome = find(point); outcome != nullptr && is_failure(outcome->outcome))
        alike[outcome->signature].push_back(&point);
  std::string text;
  for (const auto& [signature, points] : alike) {
    text += fmt::format("\n{} alike: {}\n",
                        points.size() == 1 ? "1 failure" : fmt::format("{} failures", points.size()),
                        printable(signature));
    for (const SweptPoint* point : points) {
      const PointOutcome& outcome = *find(*point);
      text +=
          fmt::format("  {} {}, {}{}: {}\n", colored(outcome.outcome, to_string(outcome.outcome), terminal),
                      point->row, point->column, how_firm(outcome), printable(outcome.words));
      text += fmt::format("       crashpath replay {}\n", (directory_ / point->trial).native());
    }
  }
  return text;
}

/// Why points have no verdict.
std::string SweepSummary::skips() const {
  std::map<std::string, std::vector<std::string>> points;  // by reason
  for (const SweptGuest& guest : guests_)
    for (const SweptPoint& point : guest.points)
      if (const auto* outcome = find(point); outcome != nullptr && outcome->outcome == Outcome::skip)
        points[outcome->words].push_back(fmt::format("{}, {}", point.row, point.column));
  std::string text;
  for (const auto& [reason, names] : points)
    text += fmt::format("\n- {}: {}\n",
                        names.size() == 1 ? names.front() : fmt::format("{} points", names.size()),
                        printable(reason));
  return text;
}

std::string SweepSummary::to_terminal(const Terminal& terminal) const {
  std::string text;
  for (const SweptGuest& guest : guests_) text += table_of(guest, terminal);
  return text + skips() + failures(terminal);
}

json::object SweepSummary::to_json() const {
  json::array guests;
  for (const SweptGuest& guest : guests_) {
    json::array points;
    for (const SweptPoint& point : guest.points) {
      json::object about{{"row", point.row}, {"column", point.column}, {"trial", point.trial}};
      const PointOutcome* outcome = find(point);
      about["outcome"] = outcome == nullptr ? json::value(nullptr) : json::value(to_string(outcome->outcome));
      if (outcome != nullptr) {
        about["stage"] = to_string(outcome->stage);
        about["words"] = outcome->words;
        about["repeated"] = outcome->repeated;
        about["alike"] = outcome->alike;
        if (!outcome->signature.empty()) about["signature"] = outcome->signature;
      }
      points.push_back(std::move(about));
    }
    guests.push_back(json::object{{"guest", guest.title}, {"points", std::move(points)}});
  }
  return {{"schema", 1}, {"guests", std::move(guests)}};
}

}  // namespace crashpath
