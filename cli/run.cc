#include "cli/run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cli/errors.h"
#include "cli/run_images.h"
#include "cli/signals.h"
#include "cli/trial_series.h"
#include "harness/base/file.h"
#include "harness/machine/libvirt/embedded_root.h"
#include "harness/plan/host_pool.h"
#include "harness/plan/plan.h"
#include "harness/plan/plan_file.h"
#include "harness/report/html.h"

namespace crashpath {
namespace {

/// The command line as a plan of one entry, or the plan's file.
Result<std::vector<PlanEntry>> plan_entries(const RunOptions& options) {
  if (!options.plan.empty()) return parse_plan(CP_TRY(read_file(options.plan)), options.plan);
  PlanEntry entry;
  entry.architectures = options.architectures;
  if (!options.kernels.empty()) entry.kernels = {options.kernels};
  entry.scenarios = options.scenarios;
  entry.machines = {NamedMachine()};
  entry.repeat = options.repeat;
  return std::vector{entry};
}

Result<std::unique_ptr<HostPool>> open_pool(const std::filesystem::path& file) {
  if (file.empty()) return std::unique_ptr<HostPool>();
  const auto entries = CP_TRY(parse_hosts(CP_TRY(read_file(file)), file));
  return HostPool::open(entries, [](std::string_view line) { fmt::print(stderr, "{}\n", line); });
}

}  // namespace

Result<std::vector<std::shared_ptr<void>>> open_machines(const std::vector<MachineKind>& machines) {
  std::vector<std::shared_ptr<void>> places;
  for (const MachineKind& machine : machines) places.push_back(CP_TRY(machine.open()));
  return places;
}

Result<std::vector<PlannedTrial>> plan_run(const RunOptions& options, const Context& context,
                                           RunImages& images) {
  std::vector<PlanRequest> requests;
  for (const PlanEntry& entry : CP_TRY(plan_entries(options))) {
    PlanRequest request{.scenarios = choose_scenarios(context.scenarios, entry.scenarios),
                        .images = {},
                        .machines = entry.machines,
                        .repeat = entry.repeat};
    const bool probes = need_probes(request.scenarios);
    const std::string kernels = entry.kernels.empty() ? default_kernel(CP_TRY(load_catalog()))
                                                      : fmt::format("{}", fmt::join(entry.kernels, ","));
    const auto specs = CP_TRY(parse_kernel_specs(kernels));
    if (request.scenarios.empty()) continue;
    for (const Architecture* architecture : CP_TRY(choose_architectures(entry.architectures)))
      for (const KernelSpec& spec : specs) request.images.push_back(images.get(spec, *architecture, probes));
    requests.push_back(std::move(request));
  }
  if (const Error* mistake = images.mistake()) return *mistake;
  auto trials = CP_TRY(make_plan(requests));
  for (auto& trial : trials) trial.seed = options.seed;
  if (options.hosts.empty()) trials = on_machines(trials, options.machines);
  images.excuse(trials);
  return trials;
}

Result<int> run(const RunOptions& options) {
  const Context context =
      CP_TRY(load_context_with_scenarios(options.scenario_directories, !options.only_given_scenarios));
  libvirt::clean_embedded_roots();
  RunImages images(options.mirror);
  auto trials = CP_TRY(plan_run(options, context, images));
  const auto pool = CP_TRY(open_pool(options.hosts));
  if (pool) pool->rule_out(trials);
  if (trials.empty()) {
    const Error nothing =
        Error::usage(options.scenarios.empty()
                         ? std::string("no scenario is for these architectures")
                         : fmt::format("no scenario matches {}", fmt::join(options.scenarios, ", ")))
            .with_hint("crashpath list scenarios");
    report_error(nothing);
    return exit_status(Results());
  }
  const auto places = CP_TRY(open_machines(options.machines));
  const auto output = CP_TRY(make_run_directory(options.output));
  Interruption interruption;
  const InterruptionBySignal signals(interruption);
  TrialSeries series(context, output, {.pool = pool.get(), .jobs = options.jobs, .cold = options.cold},
                     interruption);
  auto carried_out = series.carry_out(trials);
  fmt::print("{}", to_terminal(series.results(), output, detect_terminal(STDOUT_FILENO)));
  if (!carried_out) return std::move(carried_out).error();
  CP_TRY(write_html_report(output, series.results()));
  const int status = exit_status(series.results());
  // What was interrupted is not complete, whatever its trials say.
  return interruption.requested() && status == 0 ? 3 : status;
}

}  // namespace crashpath
