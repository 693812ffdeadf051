#include "harness/report/results.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cmath>

#include "harness/base/file.h"
#include "harness/evidence/directory.h"
#include "harness/trial/exhibits.h"
#include "harness/trial/json_members.h"

namespace crashpath {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

std::string find_dump(const fs::path& directory) {
  std::error_code code;
  for (const auto name : {evidence_file::kVmcoreKdump, evidence_file::kVmcoreElf})
    if (fs::exists(directory / name, code)) return std::string(name);
  return "";
}

/// What the guest really ran on, which is known once it ran.
void add_accelerator(TrialResult& trial, const fs::path& directory) {
  const auto text = read_file(directory / evidence_file::kHost);
  if (!text) return;
  boost::system::error_code code;
  const json::value host = json::parse(*text, code);
  if (code || !host.is_object()) return;
  for (const char* name : {"accelerator", "host"})
    if (const json::value* known = host.get_object().if_contains(name);
        known != nullptr && known->is_string())
      trial.machine[name] = *known;
}

json::object to_json(const TrialResult& trial) {
  json::object object{{"id", trial.id},
                      {"arch", trial.architecture},
                      {"kernel",
                       {{"release", trial.kernel_release},
                        {"package", trial.kernel_package},
                        {"version", trial.kernel_version},
                        {"flavour", trial.kernel_flavour},
                        {"spec", trial.kernel_spec}}},
                      {"scenario", trial.scenario},
                      {"repetition", trial.repetition},
                      {"machine", trial.machine},
                      {"dump", trial.dump},
                      {"exhibits", json::value_from(trial.exhibits)}};
  for (auto& [key, value] : trial.verdict.to_json()) object[key] = std::move(value);
  return object;
}

/// The members that trial.json and a trial of results.json share.
Result<TrialResult> trial_from_json(const json::object& object, std::string_view what) {
  JsonMembers members(object, what);
  TrialResult trial;
  trial.id = members.text("id");
  trial.architecture = members.text("arch");
  trial.scenario = members.text("scenario");
  trial.repetition = static_cast<int>(members.number_or("repetition", 1));
  trial.machine = members.object("machine");
  const json::object kernel_object = members.object("kernel");
  CP_TRY(members.finish());
  JsonMembers kernel(kernel_object, what);
  trial.kernel_release = kernel.text("release");
  trial.kernel_package = kernel.text("package");
  trial.kernel_version = kernel.text("version");
  trial.kernel_flavour = kernel.text("flavour");
  trial.kernel_spec = kernel.text("spec");
  CP_TRY(kernel.finish());
  return trial;
}

Result<TrialResult> trial_of_results(const json::value& value) {
  if (!value.is_object()) return Error::host("results.json: a trial is not an object");
  TrialResult trial = CP_TRY(trial_from_json(value.get_object(), "results.json"));
  JsonMembers members(value.get_object(), "results.json");
  trial.dump = members.text("dump");
  for (const auto& name : members.array_or_none("exhibits"))
    if (name.is_string()) trial.exhibits.emplace_back(name.get_string());
  CP_TRY(members.finish());
  trial.verdict = CP_TRY(Verdict::from_json(value));
  return trial;
}

}  // namespace

std::map<Outcome, int> Results::count() const {
  std::map<Outcome, int> counts;
  for (const auto& trial : trials) ++counts[trial.verdict.outcome];
  return counts;
}

json::object Results::to_json() const {
  json::object summary;
  for (const auto& [outcome, number] : count()) summary[to_string(outcome)] = number;
  json::array all;
  for (const auto& trial : trials) all.push_back(crashpath::to_json(trial));
  return {{"schema", kResultsSchema},
          {"run", run},
          {"started", started},
          {"seconds", std::round(seconds * 1000) / 1000},
          {"exit_status", exit_status(*this)},
          {"summary", std::move(summary)},
          {"trials", std::move(all)}};
}

Result<Results> Results::from_json(const json::value& value) {
  if (!value.is_object()) return Error::host("results.json: not an object");
  JsonMembers members(value.get_object(), "results.json");
  const double schema = members.number("schema");
  Results results;
  results.run = members.text("run");
  results.started = members.text("started");
  results.seconds = members.number("seconds");
  const json::array trials = members.array("trials");
  CP_TRY(members.finish());
  if (schema != kResultsSchema)
    return Error::usage(
               fmt::format("results.json has schema {}, this crashpath reads {}", schema, kResultsSchema))
        .with_hint("read it with the crashpath that wrote it");
  for (const auto& trial : trials) results.trials.push_back(CP_TRY(trial_of_results(trial)));
  return results;
}

TrialResult make_trial_result(const PlannedTrial& planned, const fs::path& directory, Verdict verdict) {
  TrialResult trial = trial_from_json(identity_to_json(planned), "a planned trial").value();
  add_accelerator(trial, directory);
  trial.dump = find_dump(directory);
  trial.exhibits = find_exhibits(directory);
  trial.verdict = std::move(verdict);
  return trial;
}

Result<TrialResult> read_trial_result(const fs::path& directory, Verdict verdict) {
  const Evidence evidence(directory);
  TrialResult trial = CP_TRY(trial_from_json(*CP_TRY(evidence.trial()), evidence_file::kTrial));
  add_accelerator(trial, directory);
  trial.dump = find_dump(directory);
  trial.exhibits = find_exhibits(directory);
  trial.verdict = std::move(verdict);
  return trial;
}

Result<Results> read_results(const fs::path& run_directory) {
  const fs::path file = run_directory / "results.json";
  boost::system::error_code code;
  const json::value value = json::parse(CP_TRY(read_file(file)), code);
  if (code) return Error::host(fmt::format("{} is no JSON: {}", file.native(), code.message()));
  return Results::from_json(value);
}

int exit_status(const Results& results) {
  const auto counts = results.count();
  const auto any = [&](Outcome outcome) { return counts.contains(outcome); };
  if (any(Outcome::fail) || any(Outcome::xpass)) return 1;
  if (any(Outcome::error)) return 3;
  return any(Outcome::pass) ? 0 : 4;
}

std::string to_utc(std::chrono::system_clock::time_point when) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(when)));
}

}  // namespace crashpath
