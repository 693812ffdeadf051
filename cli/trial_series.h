#pragma once

// Carries out planned trials side by side, judges them as they end, and keeps the reports up to date.

#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <vector>

#include "cli/context.h"
#include "cli/templates.h"
#include "harness/plan/host_pool.h"
#include "harness/report/progress.h"
#include "harness/report/results.h"

namespace crashpath {

struct SeriesOptions {
  HostPool* pool = nullptr;  ///< where guests run instead; outlives the series
  int jobs = 0;              ///< 0: what this host's CPUs and memory allow
  bool cold = false;         ///< every trial boots, none forks
  int least_shared = 2;      ///< a template is made where so many trials share a guest
};

class TrialSeries {
 public:
  /// `output` is the run's directory. Once the interruption is requested no further trial begins.
  TrialSeries(const Context& context, std::filesystem::path output, const SeriesOptions& options,
              Interruption& interruption);

  /// Of a trial that an earlier run has done: part of the reports.
  void add_known(TrialResult result) { results_.trials.push_back(std::move(result)); }

  /// Returns when all have ended; their results stand behind those that were there, in the plan's order. An
  /// error is of the reports only.
  Result<> carry_out(const std::vector<PlannedTrial>& trials);

  const Results& results() const { return results_; }

 private:
  int jobs(const std::vector<PlannedTrial>& trials) const;
  void carry_out_one(const PlannedTrial& trial, std::size_t number, Progress& progress);
  Verdict verdict_of(const PlannedTrial& trial, const std::filesystem::path& directory,
                     TrialObserver& observer);
  Verdict on_some_host(PlannedTrial& trial, const std::filesystem::path& directory, TrialObserver& observer,
                       Progress& progress);
  void record(std::size_t number, TrialResult result);
  double seconds() const;  ///< since it began

  const Context& context_;
  const std::filesystem::path output_;
  const SeriesOptions options_;
  Interruption& interruption_;
  const std::chrono::system_clock::time_point began_ = std::chrono::system_clock::now();
  std::mutex mutex_;  ///< of what follows
  Results results_;
  std::size_t before_ = 0;                 ///< results that were there when these trials began
  std::vector<std::size_t> ended_;         ///< the numbers of the trials whose results follow those, in order
  std::optional<RunTemplates> templates_;  ///< none: every trial boots
  Clock::time_point written_at_{};
  Clock::duration writing_took_{};
  std::optional<Error> report_failure_;
};

/// The directory of a new run: `wanted`, or runs/<UTC time>. A usage error when there is something in it.
Result<std::filesystem::path> make_run_directory(const std::filesystem::path& wanted);

}  // namespace crashpath
