#include "cli/sweep.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <list>

#include "cli/run_images.h"
#include "cli/signals.h"
#include "cli/sweep_directory.h"
#include "cli/trial_series.h"
#include "harness/base/file.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/timeline.h"
#include "harness/machine/backend.h"
#include "harness/plan/plan.h"
#include "harness/report/html.h"
#include "harness/report/sweep_summary.h"

namespace crashpath {
namespace {

namespace fs = std::filesystem;

class SweepSession {
 public:
  SweepSession(const SweepOptions& options, Context context)
      : options_(options), context_(std::move(context)), images_(options.mirror) {}

  Result<int> go();

 private:
  Result<> begin();
  Result<SweepGuest> make_guest(const Scenario& base, const GuestImage& image, const KernelSpec& spec);
  Result<boost::json::object> ask(const ScenarioStep& question, const Scenario& base,
                                  const GuestImage& image);
  Result<std::vector<PlannedTrial>> plan(int repeat, const std::set<const Scenario*>* only);
  Result<> carry_out(TrialSeries& series, const std::vector<PlannedTrial>& trials);
  Result<> confirm(TrialSeries& series);
  SweepSummary summary(const Results& results) const;
  Result<> write_summary(const SweepSummary& all, const Results& results) const;

  const SweepOptions& options_;
  const Context context_;
  RunImages images_;
  fs::path output_;
  Interruption interruption_;
  std::vector<SweepGuest> guests_;
  std::list<Scenario> scenarios_;                  ///< of all points; a list, because plans point into it
  std::map<const Scenario*, std::string> trials_;  ///< the first one of each point
};

/// Boots the guest once and asks it; the evidence of that stays.
Result<boost::json::object> SweepSession::ask(const ScenarioStep& question, const Scenario& base,
                                              const GuestImage& image) {
  Scenario asking = base;
  asking.trigger.reset();
  asking.steps.push_back(question);
  auto plan = CP_TRY(make_plan({PlanRequest{.scenarios = {&asking}, .images = {&image}}}));
  if (plan.empty()) return Error::usage(fmt::format("{} is not for {}", base.name, image.architecture->name));
  PlannedTrial& trial = plan.front();
  const fs::path directory =
      output_ / "discovery" / fmt::format("{}-{}", image.architecture->name, image.kernel_release);
  fmt::print(stderr, "asking {} for its crash points\n", directory.filename().native());
  UnobservedTrial observer;
  const MachineFactory factory = [](const MachineConfig& config) {
    return MachineFactory::result_type(MachineKind().make(config));
  };
  CP_TRY(make_directories(directory));
  CP_TRY(run_trial(trial, directory, factory, observer, interruption_));
  const Timeline timeline = CP_TRY(read_timeline(directory / evidence_file::kTimeline));
  if (!timeline.end || timeline.end->by != EndedBy::done)
    return Error::host(fmt::format("{}: {}", question.run, timeline.end ? timeline.end->words : "no answer"))
        .with_hint(fmt::format("its console is in {}", directory.native()));
  const Evidence evidence(directory);
  const auto* answer = CP_TRY(evidence.last_message(Kernel::first, "result"));
  const auto* data = answer->if_contains("data");
  if (data == nullptr || !data->is_object()) return Error::guest("the agent's answer has no data");
  return data->get_object();
}

Result<SweepGuest> SweepSession::make_guest(const Scenario& base, const GuestImage& image,
                                            const KernelSpec& spec) {
  if (const Error* failure = images_.failure(&image)) return *failure;
  boost::json::object answer;
  if (const auto question = sweep_question(options_.request, base))
    answer = CP_TRY(ask(*question, base, image));
  return SweepGuest{.architecture = std::string(image.architecture->name),
                    .kernel = spec.text,
                    .release = image.kernel_release,
                    .points = CP_TRY(make_sweep_points(options_.request, base, answer))};
}

Result<> SweepSession::begin() {
  const auto base = std::find_if(context_.scenarios.begin(), context_.scenarios.end(),
                                 [&](const Scenario& each) { return each.name == options_.base; });
  if (base == context_.scenarios.end())
    return Error::usage(fmt::format("there is no scenario {}", options_.base))
        .with_hint("crashpath list scenarios");
  output_ = CP_TRY(make_run_directory(options_.output));
  const auto specs = CP_TRY(parse_kernel_specs(
      options_.kernels.empty() ? default_kernel(CP_TRY(load_catalog())) : options_.kernels));
  for (const Architecture* architecture : CP_TRY(choose_architectures(options_.architectures)))
    for (const KernelSpec& spec : specs)
      guests_.push_back(CP_TRY(make_guest(*base, *images_.get(spec, *architecture, true), spec)));
  return write_sweep(output_, guests_);
}

/// Trials of the points, or only of some, so often each.
Result<std::vector<PlannedTrial>> SweepSession::plan(int repeat, const std::set<const Scenario*>* only) {
  std::vector<PlanRequest> requests;
  auto scenario = scenarios_.begin();
  for (const SweepGuest& guest : guests_) {
    const Architecture* architecture = find_architecture(guest.architecture);
    if (architecture == nullptr)
      return Error::usage(fmt::format("unknown architecture {}", guest.architecture));
    const auto specs = CP_TRY(parse_kernel_specs(guest.kernel));
    PlanRequest request{.scenarios = {}, .images = {images_.get(specs.front(), *architecture, true)}};
    request.repeat = repeat;
    for (std::size_t i = 0; i < guest.points.size(); ++i, ++scenario)
      if (only == nullptr || only->contains(&*scenario)) request.scenarios.push_back(&*scenario);
    requests.push_back(std::move(request));
  }
  auto trials = CP_TRY(make_plan(requests));
  for (auto& trial : trials) trial.seed = options_.seed;
  images_.excuse(trials);
  return trials;
}

/// Those that an earlier call has not brought to a verdict.
Result<> SweepSession::carry_out(TrialSeries& series, const std::vector<PlannedTrial>& trials) {
  std::vector<PlannedTrial> missing;
  for (const PlannedTrial& trial : trials) {
    auto known = CP_TRY(take_known(output_, trial.id));
    if (known)
      series.add_known(*std::move(known));
    else
      missing.push_back(trial);
  }
  return missing.empty() ? Result<>() : series.carry_out(missing);
}

/// Points that failed, again: those that fail in the same way each time are firm.
Result<> SweepSession::confirm(TrialSeries& series) {
  std::set<std::string> failed;
  for (const TrialResult& trial : series.results().trials)
    if (trial.verdict.outcome == Outcome::fail) failed.insert(trial.id);
  std::set<const Scenario*> points;
  for (const auto& [scenario, trial] : trials_)
    if (failed.contains(trial)) points.insert(scenario);
  if (points.empty() || options_.confirm == 0) return {};
  auto trials = CP_TRY(plan(options_.confirm + 1, &points));
  std::erase_if(trials, [](const PlannedTrial& trial) { return trial.repetition == 1; });
  return carry_out(series, trials);
}

SweepSummary SweepSession::summary(const Results& results) const {
  std::vector<SweptGuest> guests;
  auto scenario = scenarios_.begin();
  for (const SweepGuest& guest : guests_) {
    SweptGuest swept{.title = fmt::format("{} {}", guest.architecture, guest.release), .points = {}};
    for (const SweepPoint& point : guest.points) {
      const auto trial = trials_.find(&*scenario++);
      if (trial != trials_.end()) swept.points.push_back({point.row, point.column, trial->second});
    }
    guests.push_back(std::move(swept));
  }
  return {std::move(guests), results, output_};
}

Result<> SweepSession::write_summary(const SweepSummary& all, const Results& results) const {
  CP_TRY(write_file(output_ / "sweep-summary.json", boost::json::serialize(all.to_json()) + "\n"));
  CP_TRY(write_file(output_ / "sweep-summary.txt", all.to_terminal(Terminal())));
  return write_html_report(output_, results);
}

Result<int> SweepSession::go() {
  const InterruptionBySignal signals(interruption_);
  if (options_.continued.empty()) {
    CP_TRY(begin());
  } else {
    output_ = fs::absolute(options_.continued);
    guests_ = CP_TRY(read_sweep(output_));
  }
  for (const SweepGuest& guest : guests_)
    for (const SweepPoint& point : guest.points)
      scenarios_.push_back(CP_TRY(parse_scenario(point.text, point.scenario + ".toml", context_.checks)));

  const auto trials = CP_TRY(plan(1, nullptr));
  for (const PlannedTrial& trial : trials) trials_.emplace(trial.scenario, trial.id);
  TrialSeries series(context_, output_, {.jobs = options_.jobs, .least_shared = 1}, interruption_);
  auto carried_out = carry_out(series, trials);
  if (carried_out && !interruption_.requested()) carried_out = confirm(series);

  const SweepSummary all = summary(series.results());
  fmt::print("{}{}\n", all.to_terminal(detect_terminal(STDOUT_FILENO)), summary_line(series.results()));
  if (interruption_.requested()) fmt::print("go on with: crashpath sweep --continue {}\n", output_.native());
  if (!carried_out) return std::move(carried_out).error();
  CP_TRY(write_summary(all, series.results()));
  const int status = exit_status(series.results());
  return interruption_.requested() && status == 0 ? 3 : status;
}

}  // namespace

Result<int> sweep(const SweepOptions& options) {
  SweepSession session(options, CP_TRY(load_context_with_scenarios(options.scenario_directories)));
  return session.go();
}

}  // namespace crashpath
