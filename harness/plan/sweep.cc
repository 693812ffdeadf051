#include "harness/plan/sweep.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

#include "harness/base/json_number.h"
#include "harness/trial/toml_table.h"
#include "harness/trial/triggers.h"

namespace crashpath {
namespace {

constexpr std::array<std::string_view, 4> kKindNames = {"cpuhp", "functions", "time", "triggers"};

/// What makes a point out of the base scenario.
struct PointParts {
  std::string row, column;
  std::string summary;
  toml::table trigger;
  toml::array steps;    ///< behind the base's
  toml::array expects;  ///< besides those that every point has
};

/// Lower case, with nothing in it that a scenario's name may not have.
std::string name_part(std::string_view text) {
  std::string part;
  for (const char c : text) {
    const char lower = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    const bool plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') || lower == '_';
    if (plain || (!part.empty() && part.back() != '-')) part += plain ? lower : '-';
  }
  while (part.ends_with('-')) part.pop_back();
  return part;
}

int cpus_of(const Scenario& base) {
  return base.machine.cpus.value_or(MachineConfig().cpus);
}

int cpu_of(const SweepRequest& request, const Scenario& base) {
  return request.cpu >= 0 ? request.cpu : cpus_of(base) - 1;
}

toml::table expect(std::string_view check) {
  return toml::table{{"check", check}};
}

toml::array copy_of(const toml::table& document, std::string_view key) {
  const toml::array* there = document[key].as_array();
  return there == nullptr ? toml::array() : *there;
}

/// Whether a point may crash while a CPU is offline. A pseries crash kernel that brings up all CPUs stops at
/// "smp: Bringing up secondary CPUs" then (panic.cpu-offline).
bool takes_cpus_offline(const SweepRequest& request) {
  return request.kind == SweepKind::cpuhp ||
         (request.kind != SweepKind::triggers && request.workload == "cpuhp");
}

/// The base's [capture] as the points have it.
toml::table capture_of(const toml::table& base, const SweepRequest& request) {
  toml::table capture = base["capture"].as_table() ? *base["capture"].as_table() : toml::table();
  if (!request.capture) capture.insert_or_assign("capture", false);
  const std::string append = capture["append"].value_or("");
  if (takes_cpus_offline(request) && append.find("cpus=") == append.npos)
    capture.insert_or_assign("append", append.empty() ? "nr_cpus=1" : append + " nr_cpus=1");
  return capture;
}

/// The base's file with the point's own trigger, steps and expectations.
std::string scenario_text(const toml::table& base, const std::string& name, PointParts parts,
                          const SweepRequest& request) {
  toml::table document = base;
  document.insert_or_assign("name", name);
  document.insert_or_assign("summary", parts.summary);
  for (const char* key : {"default", "why", "ends", "record"}) document.erase(key);
  toml::array steps = copy_of(base, "step");
  for (auto& step : parts.steps) steps.push_back(std::move(*step.as_table()));
  if (!steps.empty()) document.insert_or_assign("step", std::move(steps));
  document.insert_or_assign("trigger", std::move(parts.trigger));
  toml::array expects = std::move(parts.expects);
  expects.push_back(expect("second-kernel.*"));
  if (request.capture) expects.push_back(expect("vmcore.*"));
  document.insert_or_assign("expect", std::move(expects));
  document.insert_or_assign("capture", capture_of(base, request));
  std::ostringstream text;
  text << document << "\n";
  return text.str();
}

/// The probe's panic has to be the one that happened, where the CPU that panics can print it.
toml::array expect_probe_panic() {
  toml::table check = expect("kernel.panic-message");
  check.insert("pattern", "Kernel panic - not syncing: crash_point: ");
  check.insert("may_be_silent", true);
  toml::array expects;
  expects.push_back(std::move(check));
  return expects;
}

toml::table probe_trigger(const SweepRequest& request, int cpu, const std::string& point) {
  return toml::table{{"kind", "crash-point"}, {"point", point}, {"workload", request.workload}, {"cpu", cpu}};
}

Result<std::vector<PointParts>> cpuhp_points(const SweepRequest& request, int cpu,
                                             const boost::json::object& answer) {
  const auto* states = answer.if_contains("states");
  if (states == nullptr || !states->is_array()) return Error::guest("the agent named no CPU hotplug states");
  SweepRequest hotplug = request;
  hotplug.workload = "cpuhp";
  std::vector<PointParts> points;
  for (const auto& state : states->get_array()) {
    const auto number = state.is_object() ? number_member<int>(state.get_object(), "number") : std::nullopt;
    const auto* name = state.is_object() ? state.get_object().if_contains("name") : nullptr;
    if (!number || name == nullptr || !name->is_string())
      return Error::guest("a CPU hotplug state has no number or name");
    for (const char* direction : {"teardown", "startup"})
      points.push_back(
          {.row = fmt::format("{} {}", *number, std::string_view(name->get_string())),
           .column = direction,
           .summary = fmt::format("A crash where CPU {} {} and the {} of CPU hotplug state {} ({}) is called",
                                  cpu, *direction == 's' ? "comes online" : "goes offline", direction,
                                  *number, std::string_view(name->get_string())),
           .trigger = probe_trigger(
               hotplug, cpu, fmt::format("cpuhp_state={} direction={} cpu={}", *number, direction, cpu)),
           .steps = {},
           .expects = expect_probe_panic()});
  }
  return points;
}

/// At most `limit`, spread evenly over the whole.
std::vector<std::string> spread(const std::vector<std::string>& all, int limit) {
  const std::size_t most = limit > 0 ? static_cast<std::size_t>(limit) : all.size();
  if (all.size() <= most) return all;
  std::vector<std::string> some;
  for (std::size_t i = 0; i < most; ++i) some.push_back(all[i * all.size() / most]);
  return some;
}

Result<std::vector<PointParts>> function_points(const SweepRequest& request, int cpu,
                                                const boost::json::object& answer) {
  const auto* functions = answer.if_contains("functions");
  if (functions == nullptr || !functions->is_array()) return Error::guest("the agent named no functions");
  if (const auto lost = number_member<std::uint64_t>(answer, "lost"); lost && *lost > 0)
    return Error::guest(
               fmt::format("the guest's trace has lost {} calls: its list would not be complete", *lost))
        .with_hint("choose functions by --function GLOB");
  std::set<std::string> ambiguous;
  if (const auto* several = answer.if_contains("ambiguous"); several != nullptr && several->is_array())
    for (const auto& name : several->get_array())
      if (name.is_string()) ambiguous.emplace(name.get_string());
  std::vector<std::string> names;
  for (const auto& function : functions->get_array())
    if (function.is_string()) names.emplace_back(function.get_string());
  std::vector<PointParts> points;
  for (const std::string& name : spread(names, request.limit))
    points.push_back(
        {.row = name + (ambiguous.contains(name) ? " (one of several)" : ""),
         .column = fmt::format("hit {}", request.hit),
         .summary = fmt::format("A crash at the entry of {}, hit {}, while the workload {} runs", name,
                                request.hit, request.workload),
         .trigger = probe_trigger(request, cpu, fmt::format("symbol={} hit={}", name, request.hit)),
         .steps = {},
         .expects = expect_probe_panic()});
  return points;
}

std::vector<PointParts> time_points(const SweepRequest& request, int cpu) {
  std::vector<PointParts> points;
  for (int i = 0; i < request.instants; ++i) {
    const int ms = request.instants == 1 ? request.window_ms : request.window_ms * i / (request.instants - 1);
    toml::array steps;
    steps.push_back(toml::table{{"run", "workload"},
                                {"name", request.workload},
                                {"cpu", cpu},
                                {"times", 1000000},
                                {"background", true}});
    steps.push_back(toml::table{{"run", "sleep"}, {"ms", ms}});
    points.push_back({.row = fmt::format("{:5} ms", ms),
                      .column = fmt::format("{} during {}", request.trigger, request.workload),
                      .summary = fmt::format("{} {} ms after the workload {} began", request.trigger, ms,
                                             request.workload),
                      .trigger = toml::table{{"kind", request.trigger}},
                      .steps = std::move(steps),
                      .expects = {}});
  }
  return points;
}

std::vector<PointParts> trigger_points(const Scenario& base) {
  std::vector<PointParts> points;
  for (const TriggerKind& kind : trigger_kinds()) {
    // One that has to be told more than a CPU is not one trigger but as many as there are answers.
    const bool asks = std::any_of(kind.parameters.begin(), kind.parameters.end(),
                                  [](const ParameterSpec& parameter) { return parameter.required; });
    if (kind.plain_kexec || kind.runs_workload || asks) continue;
    for (int cpu = 0; cpu < (kind.takes_cpu ? cpus_of(base) : 1); ++cpu) {
      toml::table trigger{{"kind", kind.name}};
      if (kind.takes_cpu) trigger.insert("cpu", cpu);
      const std::string where = kind.takes_cpu ? fmt::format("CPU {}", cpu) : "any CPU";
      points.push_back({.row = std::string(kind.name),
                        .column = where,
                        .summary = fmt::format("{}, {}", kind.summary, where),
                        .trigger = std::move(trigger),
                        .steps = {},
                        .expects = {}});
    }
  }
  return points;
}

Result<std::vector<PointParts>> points_of(const SweepRequest& request, const Scenario& base,
                                          const boost::json::object& answer) {
  const int cpu = cpu_of(request, base);
  switch (request.kind) {
    case SweepKind::cpuhp:
      return cpuhp_points(request, cpu, answer);
    case SweepKind::functions:
      return function_points(request, cpu, answer);
    case SweepKind::time:
      return time_points(request, cpu);
    case SweepKind::triggers:
      return trigger_points(base);
  }
  throw std::logic_error("a sweep of no kind");
}

}  // namespace

std::string_view to_string(SweepKind kind) {
  return kKindNames.at(static_cast<std::size_t>(kind));
}

std::optional<SweepKind> parse_sweep_kind(std::string_view text) {
  for (std::size_t i = 0; i < kKindNames.size(); ++i)
    if (kKindNames[i] == text) return static_cast<SweepKind>(i);
  return std::nullopt;
}

std::optional<ScenarioStep> sweep_question(const SweepRequest& request, const Scenario& base) {
  if (request.kind == SweepKind::cpuhp) return ScenarioStep{.run = "cpuhp.states", .arguments = {}};
  if (request.kind != SweepKind::functions) return std::nullopt;
  if (!request.functions.empty())
    return ScenarioStep{.run = "functions.list",
                        .arguments = {{"globs", boost::json::value_from(request.functions)}}};
  return ScenarioStep{
      .run = "functions.record",
      .arguments = {
          {"workload", {{"name", request.workload}, {"cpu", cpu_of(request, base)}, {"times", 1}}}}};
}

Result<std::vector<SweepPoint>> make_sweep_points(const SweepRequest& request, const Scenario& base,
                                                  const boost::json::object& answer) {
  if (request.cpu >= cpus_of(base))
    return Error::usage(
        fmt::format("there is no CPU {}: the guest has the CPUs 0 to {}", request.cpu, cpus_of(base) - 1));
  const toml::table document = CP_TRY(parse_toml(base.text, base.file));
  std::vector<PointParts> all = CP_TRY(points_of(request, base, answer));
  if (all.empty()) return Error::usage("there is no point to crash at");
  const bool numbered = request.kind == SweepKind::functions;  // whose names differ in what name_part() drops
  std::vector<SweepPoint> points;
  for (PointParts& parts : all) {
    const std::string number = numbered ? fmt::format("{:04}-", points.size()) : "";
    const std::string name = fmt::format("sweep.{}.{}{}.{}", to_string(request.kind), number,
                                         name_part(parts.row), name_part(parts.column));
    SweepPoint point{.row = parts.row, .column = parts.column, .scenario = name, .text = {}};
    point.text = scenario_text(document, name, std::move(parts), request);
    points.push_back(std::move(point));
  }
  return points;
}

}  // namespace crashpath
