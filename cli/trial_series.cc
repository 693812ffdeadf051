#include "cli/trial_series.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "cli/replay_script.h"
#include "harness/base/file.h"
#include "harness/evidence/directory.h"
#include "harness/plan/scheduler.h"
#include "harness/report/formats.h"
#include "harness/trial/exhibits.h"

namespace crashpath {
TrialSeries::TrialSeries(const Context& context, std::filesystem::path output, const SeriesOptions& options,
                         Interruption& interruption)
    : context_(context), output_(std::move(output)), options_(options), interruption_(interruption) {
  results_.run = output_.filename();
  results_.started = to_utc(began_);
}

/// One trial for two host CPUs would leave the host idle in single-threaded stages: a trial for each CPU, as
/// far as the guests' memory goes into half of the host's.
int TrialSeries::jobs(const std::vector<PlannedTrial>& trials) const {
  if (options_.jobs > 0) return options_.jobs;
  if (options_.pool != nullptr) return options_.pool->slots();
  int largest = 1;
  for (const auto& trial : trials) largest = std::max(largest, trial.machine.memory_mib);
  const long host_mib = sysconf(_SC_PHYS_PAGES) / 1024 * sysconf(_SC_PAGESIZE) / 1024;
  const int by_memory = static_cast<int>(std::max(1L, host_mib / 2 / largest));
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, by_memory);
}

/// Runs and judges one trial. What fails before there is any evidence is a verdict too.
Verdict TrialSeries::verdict_of(const PlannedTrial& trial, const std::filesystem::path& directory,
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
  if (const auto ran =
          run_trial(trial, directory, machines_of(trial), observer, interruption_, fork_of.get());
      !ran)
    return failed(ran.error());
  if (runs)
    if (const auto written = write_exhibits(trial.scenario->record.pages, directory); !written)
      return failed(written.error());
  const Verdict verdict = judge(Evidence(directory), *trial.scenario, context_.checks, context_.known_issues);
  const auto kept =
      write_file(directory / evidence_file::kVerdict, boost::json::serialize(verdict.to_json()) + "\n");
  return kept ? verdict : failed(kept.error());
}

/// On a host of the pool; on another one when that host was lost, whose errors are nobody's verdict. The
/// trial then says where it was.
Verdict TrialSeries::on_some_host(PlannedTrial& trial, const std::filesystem::path& directory,
                                  TrialObserver& observer, Progress& progress) {
  for (;;) {
    auto slot = options_.pool->take(trial);
    if (!slot) {
      trial.error_reason = "no host is left that could run it";
      return verdict_of(trial, directory, observer);
    }
    trial.machine_kind = slot->machine();
    Verdict verdict = verdict_of(trial, directory, observer);
    if (verdict.outcome != Outcome::error || slot->machine().works()) return verdict;
    slot->set_aside();
    progress.say(fmt::format("{} is set aside, {} runs elsewhere: {}", slot->machine().name(), trial.id,
                             verdict.words));
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  }
}

void TrialSeries::carry_out_one(const PlannedTrial& planned, std::size_t number, Progress& progress) {
  TrialObserver& observer = progress.began(planned.id);
  const auto directory = output_ / planned.id;
  PlannedTrial trial = planned;
  const bool runs = trial.skip_reason.empty() && trial.error_reason.empty();
  Verdict verdict = options_.pool != nullptr && runs ? on_some_host(trial, directory, observer, progress)
                                                     : verdict_of(planned, directory, observer);
  if (templates_) templates_->done_with(planned);
  progress.ended(observer, verdict);
  record(number, make_trial_result(trial, directory, std::move(verdict)));
}

/// Reports are written again after a trial, so that whatever ends the run, what was done is there; but not
/// when that would take more than a twentieth of the time, with thousands of trials.
void TrialSeries::record(std::size_t number, TrialResult result) {
  const std::scoped_lock lock(mutex_);
  const auto place = std::lower_bound(ended_.begin(), ended_.end(), number) - ended_.begin();
  ended_.insert(ended_.begin() + place, number);
  results_.trials.insert(results_.trials.begin() + static_cast<std::ptrdiff_t>(before_) + place,
                         std::move(result));
  const auto begin = Clock::now();
  if (begin - written_at_ < 20 * writing_took_) return;
  results_.seconds = seconds();
  if (const auto written = write_reports(output_, results_); !written) report_failure_ = written.error();
  written_at_ = Clock::now();
  writing_took_ = written_at_ - begin;
}

double TrialSeries::seconds() const {
  return std::chrono::duration<double>(std::chrono::system_clock::now() - began_).count();
}

Result<> TrialSeries::carry_out(const std::vector<PlannedTrial>& trials) {
  before_ = results_.trials.size();
  ended_.clear();
  const Terminal terminal = detect_terminal(STDERR_FILENO);
  {
    Progress progress(trials.size(), terminal, [](std::string_view text) { fmt::print(stderr, "{}", text); });
    std::optional<ProgressTicker> ticker;
    if (terminal.smart) ticker.emplace(progress);
    templates_.reset();
    if (!options_.cold && options_.pool == nullptr) {
      templates_.emplace(trials, options_.least_shared, [&](std::string_view line) { progress.say(line); });
      templates_->make(jobs(trials), interruption_);
    }
    run_jobs(trials.size(), jobs(trials), interruption_.requested(),
             [&](std::size_t number) { carry_out_one(trials[number], number, progress); });
    templates_.reset();
  }
  results_.seconds = seconds();
  CP_TRY(write_reports(output_, results_));
  return report_failure_ ? Result<>(*report_failure_) : Result<>();
}

Result<std::filesystem::path> make_run_directory(const std::filesystem::path& wanted) {
  auto output = wanted;
  if (output.empty())
    output = std::filesystem::path("runs") /
             fmt::format("{:%Y-%m-%dT%H%M%SZ}", fmt::gmtime(std::chrono::system_clock::now()));
  CP_TRY(make_directories(output));
  if (!std::filesystem::is_empty(output))
    return Error::usage(fmt::format("{} is not empty", output.native()))
        .with_hint("name another directory with --output: earlier results are never overwritten");
  return std::filesystem::absolute(output);
}

}  // namespace crashpath
