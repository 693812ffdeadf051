#include <fmt/format.h>

#include <cmath>

#include "harness/trial/json_members.h"
#include "harness/trial/verdict.h"

namespace crashpath {

namespace json = boost::json;

namespace {

double to_milliseconds_precision(double seconds) {
  return std::round(seconds * 1000) / 1000;
}

json::object to_json(const NamedCheckResult& check) {
  return {{"name", check.name},
          {"outcome", to_string(check.result.outcome)},
          {"expected", check.result.expected},
          {"got", check.result.got},
          {"evidence", check.result.evidence}};
}

Result<NamedCheckResult> check_from_json(const json::value& value) {
  if (!value.is_object()) return Error::host("verdict: a check is not an object");
  JsonMembers members(value.get_object(), "verdict");
  NamedCheckResult check;
  check.name = members.text("name");
  check.result.outcome = members.word("outcome", parse_outcome);
  check.result.expected = members.text("expected");
  check.result.got = members.text("got");
  check.result.evidence = members.text("evidence");
  CP_TRY(members.finish());
  return check;
}

}  // namespace

std::map<Stage, double> Verdict::durations() const {
  std::map<Stage, double> durations;
  for (auto at = entered.begin(); at != entered.end(); ++at) {
    const auto next = std::next(at);
    durations[at->first] = std::max(0.0, (next == entered.end() ? seconds : next->second) - at->second);
  }
  return durations;
}

json::object Verdict::to_json() const {
  json::object entered_at;
  for (const auto& [at, when] : entered) entered_at[to_string(at)] = to_milliseconds_precision(when);
  json::object spent;
  for (const auto& [at, duration] : durations()) spent[to_string(at)] = to_milliseconds_precision(duration);
  json::array results;
  for (const auto& check : checks) results.push_back(crashpath::to_json(check));
  return {{"outcome", to_string(outcome)},
          {"stage", to_string(stage)},
          {"words", words},
          {"vcpus", json::array(vcpus.begin(), vcpus.end())},
          {"known_issue", known_issue},
          {"total_seconds", to_milliseconds_precision(seconds)},
          {"entered", std::move(entered_at)},
          {"seconds", std::move(spent)},
          {"checks", std::move(results)}};
}

Result<Verdict> Verdict::from_json(const json::value& value) {
  if (!value.is_object()) return Error::host("verdict: not an object");
  JsonMembers members(value.get_object(), "verdict");
  Verdict verdict;
  verdict.outcome = members.word("outcome", parse_outcome);
  verdict.stage = members.word("stage", parse_stage);
  verdict.words = members.text("words");
  for (const auto& line : members.array_or_none("vcpus"))
    if (line.is_string()) verdict.vcpus.emplace_back(line.get_string());
  verdict.known_issue = members.text("known_issue");
  verdict.seconds = members.number("total_seconds");
  for (const auto& [name, when] : members.object("entered")) {
    const auto at = parse_stage(name);
    if (!at || !when.is_number())
      return Error::host(fmt::format("verdict: \"entered\": bad stage \"{}\"", std::string_view(name)));
    verdict.entered[*at] = when.to_number<double>();
  }
  for (const auto& check : members.array("checks")) verdict.checks.push_back(CP_TRY(check_from_json(check)));
  CP_TRY(members.finish());
  return verdict;
}

}  // namespace crashpath
