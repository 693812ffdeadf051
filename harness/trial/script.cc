#include "harness/trial/script.h"

#include <fmt/format.h>

#include <set>

#include "harness/base/json_number.h"
#include "harness/evidence/kernel_state.h"
#include "harness/trial/triggers.h"

namespace crashpath {

namespace json = boost::json;

namespace {

ScriptStep agent_step(Stage stage, Kernel kernel, std::string run, json::object arguments = {}) {
  return {.stage = stage, .kernel = kernel, .run = std::move(run), .arguments = std::move(arguments)};
}

/// `verified`: with purgatory's SHA-256 check, which takes most of the time from crash to second kernel under
/// TCG.
json::array kexec_arguments(const Architecture& architecture, bool verified) {
  json::array arguments;
  if (!verified) arguments.emplace_back("-i");
  if (!architecture.kexec_argument.empty()) arguments.emplace_back(architecture.kexec_argument);
  return arguments;
}

ScriptStep load_crash_kernel(const PlannedTrial& trial) {
  const auto& capture = trial.scenario->capture;
  json::array arguments = kexec_arguments(*trial.machine.architecture, capture.integrity_check);
  for (const auto& argument : capture.kexec_args) arguments.emplace_back(argument);
  return agent_step(
      Stage::arm, Kernel::first, "kexec.load",
      {{"panic", true}, {"append", capture_command_line(trial)}, {"args", std::move(arguments)}});
}

/// Where the first kernel is. Asked for apart from the files, because reading /proc/kallsyms takes an
/// emulated guest most of a second, and the answer stays the same as long as the kernel runs.
ScriptStep report_symbols() {
  return agent_step(Stage::arm, Kernel::first, "report", {{"symbols", {"_stext", "_etext"}}});
}

void add_plain_kexec(const PlannedTrial& trial, Stage stage, const std::string& append, std::int64_t online,
                     std::vector<ScriptStep>& script) {
  script.push_back(agent_step(
      stage, Kernel::first, "kexec.load",
      {{"panic", false}, {"append", append}, {"args", kexec_arguments(*trial.machine.architecture, false)}}));
  for (std::int64_t cpu = 1; cpu <= online; ++cpu)
    script.push_back(agent_step(stage, Kernel::first, "cpu.online", {{"cpu", cpu}}));
  script.push_back(agent_step(stage, Kernel::first, "kexec.exec"));
  script.back().starts_kernel = true;
}

/// A kernel that is left is asked for a report first: nothing else would show later what it was like.
void add_kexec_step(const PlannedTrial& trial, const json::object& arguments,
                    std::vector<ScriptStep>& script) {
  std::string append = trial.machine.append;
  if (const auto* more = arguments.if_contains("append"))
    append += fmt::format(" {}", std::string_view(more->as_string()));
  const std::int64_t times = number_member<std::int64_t>(arguments, "times").value_or(1);
  const std::int64_t online = number_member<std::int64_t>(arguments, "online").value_or(0);
  for (std::int64_t i = 0; i < times; ++i) {
    script.push_back(agent_step(Stage::arm, Kernel::first, "report", report_arguments()));
    add_plain_kexec(trial, Stage::arm, append, online, script);
    if (trial.scenario->capture.load) script.push_back(load_crash_kernel(trial));
    script.push_back(report_symbols());
  }
}

}  // namespace

std::string capture_command_line(const PlannedTrial& trial) {
  const Architecture& architecture = *trial.machine.architecture;
  const ScenarioCapture& capture = trial.scenario->capture;
  std::string line = fmt::format("console={} panic=-1 {}", architecture.console, architecture.capture_append);
  if (capture.lean) line += fmt::format(" {}", architecture.lean_capture_append);
  if (!capture.append.empty()) line += fmt::format(" {}", capture.append);
  return line;
}

json::object report_arguments() {
  return {{"files",
           {"/proc/iomem", "/proc/cmdline", "/proc/meminfo", "/proc/modules", "/proc/sys/kernel/tainted",
            "/proc/sys/kernel/osrelease", "/sys/kernel/kexec_crash_size", "/sys/kernel/kexec_crash_loaded",
            "/sys/kernel/vmcoreinfo", "/sys/devices/system/cpu/online", "/sys/devices/system/cpu/present",
            "/sys/devices/system/cpu/possible", "/sys/devices/system/cpu/hotplug/states"}},
          {"hex", {"/sys/kernel/notes"}}};
}

/// The first kernel's last report. It is asked for symbols only where somebody wants them: see above.
json::object last_report_arguments(const ScenarioRecord& record) {
  json::object arguments = report_arguments();
  if (record.symbols.empty() && record.pages.empty()) return arguments;
  std::set<std::string_view> symbols(KernelState::kSymbols.begin(), KernelState::kSymbols.end());
  symbols.insert(record.symbols.begin(), record.symbols.end());
  for (const MemoryWitness& witness : record.pages)
    symbols.insert(witness.symbols.begin(), witness.symbols.end());
  arguments["symbols"] = json::array(symbols.begin(), symbols.end());
  return arguments;
}

Result<std::vector<ScriptStep>> make_script(const PlannedTrial& trial) {
  const Scenario& scenario = *trial.scenario;
  std::vector<ScriptStep> script;
  if (scenario.capture.load) script.push_back(load_crash_kernel(trial));
  script.push_back(report_symbols());
  for (const auto& step : scenario.steps) {
    if (step.kernel == Kernel::second) continue;
    if (step.run == "kexec")
      add_kexec_step(trial, step.arguments, script);
    else
      script.push_back(agent_step(Stage::arm, Kernel::first, step.run,
                                  step.run == "report" ? report_arguments() : step.arguments));
  }
  const TriggerKind kind = scenario.trigger ? CP_TRY(find_trigger(scenario.trigger->kind)) : TriggerKind();
  for (const auto& setting : kind.settings)
    script.push_back(
        agent_step(Stage::arm, Kernel::first, "write", {{"path", setting.path}, {"text", setting.text}}));
  script.push_back(agent_step(Stage::arm, Kernel::first, "report", last_report_arguments(scenario.record)));
  if (!scenario.trigger) return script;

  if (kind.plain_kexec) {
    add_plain_kexec(trial, Stage::crash, trial.machine.append, 0, script);
    script.back().starts_kernel = false;  // the kernel that comes is the second one of this trial
  } else {
    script.push_back(
        agent_step(Stage::crash, Kernel::first, "trigger", kind.agent_arguments(*scenario.trigger)));
    if (kind.nmi) script.push_back(agent_step(Stage::crash, Kernel::first, "host.nmi"));
  }

  script.push_back(agent_step(Stage::second_kernel, Kernel::second, "report", report_arguments()));
  for (const auto& step : scenario.steps)
    if (step.kernel == Kernel::second)
      script.push_back(agent_step(Stage::second_kernel, Kernel::second, step.run, step.arguments));
  if (scenario.capture.load && scenario.capture.capture && !kind.plain_kexec) {
    script.push_back(agent_step(Stage::capture, Kernel::second, "vmcore.headers"));
    script.push_back(agent_step(Stage::capture, Kernel::second, "capture",
                                {{"format", scenario.capture.format},
                                 {"level", scenario.capture.level},
                                 {"or_elf", true},
                                 {"device", "/dev/vda"}}));
  }
  return script;
}

std::vector<ScriptStep> shared_steps(const std::vector<ScriptStep>& script) {
  if (script.empty() || script.front().run != "kexec.load" || script.front().stage != Stage::arm) return {};
  return {script.at(0), script.at(1)};
}

std::string to_agent_script(const std::vector<ScriptStep>& script) {
  std::string text;
  int id = 0;
  for (const auto& step : script) {
    if (step.run.starts_with("host.")) continue;
    json::object line{{"in", to_string(step.kernel)}, {"id", ++id}, {"run", step.run}};
    for (const auto& [key, value] : step.arguments) line[key] = value;
    text += json::serialize(line) + "\n";
  }
  return text;
}

}  // namespace crashpath
