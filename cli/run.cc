#include "cli/run.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <list>
#include <mutex>
#include <thread>

#include "cli/context.h"
#include "cli/errors.h"
#include "cli/prepare_image.h"
#include "cli/replay_script.h"
#include "cli/signals.h"
#include "cli/templates.h"
#include "harness/base/file.h"
#include "harness/base/paths.h"
#include "harness/evidence/directory.h"
#include "harness/machine/backend.h"
#include "harness/plan/plan.h"
#include "harness/plan/plan_file.h"
#include "harness/plan/scheduler.h"
#include "harness/report/formats.h"
#include "harness/report/progress.h"
#include "harness/trial/triggers.h"

namespace crashpath {
namespace {

/// What is made ready before the first trial. Lists, because plans point into them.
struct Prepared {
  std::list<GuestImage> images;
  std::map<std::string, const GuestImage*> by_request;  ///< "arch kernel": made once for a run
  std::map<const GuestImage*, Error> failed;            ///< images that could not be made
};

bool is_probe(std::string_view need) {
  return need.starts_with("probe:");
}

/// Scenarios need probes by their own word, or by their trigger's.
bool needs_probes(const Scenario* scenario) {
  if (std::any_of(scenario->needs.begin(), scenario->needs.end(), is_probe)) return true;
  const auto trigger = scenario->trigger ? find_trigger(scenario->trigger->kind) : Result<TriggerKind>();
  return trigger && is_probe(trigger->need);
}

/// An image that stands for one that could not be made, so that its trials are in the report with the reason.
GuestImage missing_image(const KernelSpec& spec, const Architecture& architecture) {
  GuestImage image;
  image.architecture = &architecture;
  image.kernel_release = spec.text;
  image.kernel_spec = spec.text;
  return image;
}

Result<std::unique_ptr<Machine>> new_machine(const MachineConfig& config) {
  return make_machine("qemu", config);
}

class RunSession {
 public:
  RunSession(const RunOptions& options, Context context) : options_(options), context_(std::move(context)) {}

  Result<int> go();

 private:
  Result<std::vector<PlanEntry>> entries() const;
  Result<std::vector<PlannedTrial>> plan();
  const GuestImage* image(const KernelSpec& spec, const Architecture& architecture, bool probes);
  void excuse_missing_images(std::vector<PlannedTrial>& trials) const;
  Result<> make_output();
  int jobs(const std::vector<PlannedTrial>& trials) const;
  void carry_out(const PlannedTrial& trial, Progress& progress);
  Verdict verdict_of(const PlannedTrial& trial, const std::filesystem::path& directory,
                     TrialObserver& observer);
  void record(const PlannedTrial& trial, const std::filesystem::path& directory, const Verdict& verdict);

  const RunOptions& options_;
  Context context_;
  Prepared prepared_;
  std::filesystem::path output_;
  Interruption interruption_;
  std::mutex results_mutex_;
  Results results_;
  std::vector<std::optional<TrialResult>> ended_;
  std::vector<PlannedTrial> trials_;
  std::optional<RunTemplates> templates_;  ///< none: every trial boots
  std::optional<Error> report_failure_;
};

/// The command line as a plan of one entry, or the plan's file.
Result<std::vector<PlanEntry>> RunSession::entries() const {
  if (!options_.plan.empty()) return parse_plan(CP_TRY(read_file(options_.plan)), options_.plan);
  PlanEntry entry;
  entry.architectures = options_.architectures;
  if (!options_.kernels.empty()) entry.kernels = {options_.kernels};
  entry.scenarios = options_.scenarios;
  entry.machines = {NamedMachine()};
  entry.repeat = options_.repeat;
  return std::vector{entry};
}

const GuestImage* RunSession::image(const KernelSpec& spec, const Architecture& architecture, bool probes) {
  const auto [known, is_new] =
      prepared_.by_request.emplace(fmt::format("{} {} {}", architecture.name, spec.text, probes), nullptr);
  if (!is_new) return known->second;
  const ArchiveOptions archive = archive_options(options_.mirror);
  auto made = prepare_image(spec, architecture, probes, archive);
  prepared_.images.push_back(made ? *made : missing_image(spec, architecture));
  known->second = &prepared_.images.back();
  if (!made) prepared_.failed.emplace(known->second, made.error());
  return known->second;
}

Result<std::vector<PlannedTrial>> RunSession::plan() {
  std::vector<PlanRequest> requests;
  for (const PlanEntry& entry : CP_TRY(entries())) {
    PlanRequest request{.scenarios = choose_scenarios(context_.scenarios, entry.scenarios),
                        .images = {},
                        .machines = entry.machines,
                        .repeat = entry.repeat};
    const bool probes = std::any_of(request.scenarios.begin(), request.scenarios.end(), needs_probes);
    const std::string kernels = entry.kernels.empty() ? default_kernel(CP_TRY(load_catalog()))
                                                      : fmt::format("{}", fmt::join(entry.kernels, ","));
    const auto specs = CP_TRY(parse_kernel_specs(kernels));
    if (request.scenarios.empty()) continue;
    for (const Architecture* architecture : CP_TRY(choose_architectures(entry.architectures)))
      for (const KernelSpec& spec : specs) request.images.push_back(image(spec, *architecture, probes));
    requests.push_back(std::move(request));
  }
  // What no architecture of the run has is a mistake in the request.
  if (!prepared_.images.empty() && prepared_.failed.size() == prepared_.images.size() &&
      prepared_.failed.begin()->second.fault() == Fault::usage)
    return prepared_.failed.begin()->second;
  auto trials = CP_TRY(make_plan(requests));
  for (auto& trial : trials) trial.seed = options_.seed;
  excuse_missing_images(trials);
  return trials;
}

void RunSession::excuse_missing_images(std::vector<PlannedTrial>& trials) const {
  for (auto& trial : trials) {
    const auto failed = prepared_.failed.find(trial.image);
    if (failed == prepared_.failed.end()) continue;
    // A kernel that this architecture does not have is lacking; anything else is ours.
    trial.skip_reason.clear();
    auto& reason = failed->second.fault() == Fault::usage ? trial.skip_reason : trial.error_reason;
    reason = failed->second.message();
  }
}

Result<> RunSession::make_output() {
  output_ = options_.output;
  if (output_.empty())
    output_ = std::filesystem::path("runs") /
              fmt::format("{:%Y-%m-%dT%H%M%SZ}", fmt::gmtime(std::chrono::system_clock::now()));
  CP_TRY(make_directories(output_));
  if (!std::filesystem::is_empty(output_))
    return Error::usage(fmt::format("{} is not empty", output_.native()))
        .with_hint("name another directory with --output: earlier results are never overwritten");
  output_ = std::filesystem::absolute(output_);
  return {};
}

/// One trial for two host CPUs would leave the host idle in single-threaded stages: a trial for each CPU, as
/// far as the guests' memory goes into half of the host's.
int RunSession::jobs(const std::vector<PlannedTrial>& trials) const {
  if (options_.jobs > 0) return options_.jobs;
  int largest = 1;
  for (const auto& trial : trials) largest = std::max(largest, trial.machine.memory_mib);
  const long host_mib = sysconf(_SC_PHYS_PAGES) / 1024 * sysconf(_SC_PAGESIZE) / 1024;
  const int by_memory = static_cast<int>(std::max(1L, host_mib / 2 / largest));
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, by_memory);
}

/// Runs and judges one trial. What fails before there is any evidence is a verdict too.
Verdict RunSession::verdict_of(const PlannedTrial& trial, const std::filesystem::path& directory,
                               TrialObserver& observer) {
  const auto failed = [](const Error& error) {
    Verdict verdict;
    verdict.outcome = Outcome::error;
    verdict.words = error.message();
    return verdict;
  };
  const bool runs = trial.skip_reason.empty() && trial.error_reason.empty();
  if (const auto made = make_directories(directory); !made) return failed(made.error());
  if (runs)
    if (const auto written = write_replay_script(trial, directory); !written) return failed(written.error());
  const auto fork_of = templates_ ? templates_->take(trial) : nullptr;
  if (const auto ran = run_trial(trial, directory, new_machine, observer, interruption_, fork_of.get()); !ran)
    return failed(ran.error());
  const Verdict verdict = judge(Evidence(directory), *trial.scenario, context_.checks, context_.known_issues);
  const auto kept =
      write_file(directory / evidence_file::kVerdict, boost::json::serialize(verdict.to_json()) + "\n");
  return kept ? verdict : failed(kept.error());
}

void RunSession::carry_out(const PlannedTrial& trial, Progress& progress) {
  TrialObserver& observer = progress.began(trial.id);
  const auto directory = output_ / trial.id;
  const Verdict verdict = verdict_of(trial, directory, observer);
  if (templates_) templates_->done_with(trial);
  progress.ended(observer, verdict);
  record(trial, directory, verdict);
}

/// Reports are written again after every trial: whatever ends the run, what was done is there.
void RunSession::record(const PlannedTrial& trial, const std::filesystem::path& directory,
                        const Verdict& verdict) {
  const std::scoped_lock lock(results_mutex_);
  ended_[static_cast<size_t>(&trial - trials_.data())] = make_trial_result(trial, directory, verdict);
  results_.trials.clear();
  for (const auto& result : ended_)
    if (result) results_.trials.push_back(*result);
  if (const auto written = write_reports(output_, results_); !written) report_failure_ = written.error();
}

Result<int> RunSession::go() {
  const auto began = std::chrono::system_clock::now();
  trials_ = CP_TRY(plan());
  if (trials_.empty()) {
    const Error nothing =
        Error::usage(options_.scenarios.empty()
                         ? std::string("no scenario is for these architectures")
                         : fmt::format("no scenario matches {}", fmt::join(options_.scenarios, ", ")))
            .with_hint("crashpath list scenarios");
    report_error(nothing);
    return exit_status(results_);
  }
  CP_TRY(make_output());
  ended_.resize(trials_.size());
  results_.run = output_.filename();
  results_.started = to_utc(began);

  const Terminal terminal = detect_terminal(STDERR_FILENO);
  {
    Progress progress(trials_.size(), terminal,
                      [](std::string_view text) { fmt::print(stderr, "{}", text); });
    std::optional<ProgressTicker> ticker;
    if (terminal.smart) ticker.emplace(progress);
    const InterruptionBySignal signals(interruption_);
    if (!options_.cold) {
      templates_.emplace(trials_, new_machine, [&](std::string_view line) { progress.say(line); });
      templates_->make(jobs(trials_), interruption_);
    }
    run_jobs(trials_.size(), jobs(trials_), interruption_.requested(),
             [&](std::size_t number) { carry_out(trials_[number], progress); });
  }
  results_.seconds = std::chrono::duration<double>(std::chrono::system_clock::now() - began).count();
  CP_TRY(write_reports(output_, results_));
  fmt::print("{}", to_terminal(results_, output_, detect_terminal(STDOUT_FILENO)));
  if (report_failure_) return *report_failure_;
  const int status = exit_status(results_);
  // What was interrupted is not complete, whatever its trials say.
  return interruption_.requested() && status == 0 ? 3 : status;
}

}  // namespace

Result<int> run(const RunOptions& options) {
  RunSession session(options, CP_TRY(load_context_with_scenarios(options.scenario_directories,
                                                                 !options.only_given_scenarios)));
  return session.go();
}

}  // namespace crashpath
