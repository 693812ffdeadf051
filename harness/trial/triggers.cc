#include "harness/trial/triggers.h"

#include <fmt/format.h>

#include "harness/trial/toml_table.h"

namespace crashpath {
namespace {

TriggerKind probe(std::string_view name, std::string_view summary, std::string_view parameters,
                  std::vector<Setting> settings = {}) {
  return {.name = name,
          .summary = summary,
          .agent_kind = "",
          .module = "crash_context",
          .module_parameters = parameters,
          .need = "probe:crash_context",
          .settings = std::move(settings)};
}

std::vector<TriggerKind> make_trigger_kinds() {
  return {
      {.name = "sysrq-c",
       .summary = "write c to /proc/sysrq-trigger",
       .agent_kind = "sysrq-c",
       .module = "",
       .module_parameters = "",
       .need = ""},
      // On powerpc a system reset goes to the crash kernel without a panic message
      // (arch/powerpc/kernel/traps.c, system_reset_exception).
      {.name = "nmi",
       .summary = "the hypervisor injects an NMI (pseries: a system reset)",
       .agent_kind = "wait",
       .module = "",
       .module_parameters = "",
       .nmi = true,
       .takes_cpu = false,
       .need = "machine:nmi"},
      {.name = "kexec",
       .summary = "no crash: a plain kexec of the same kernel",
       .agent_kind = "",
       .module = "",
       .module_parameters = "",
       .plain_kexec = true,
       .takes_cpu = false,
       .need = ""},
      probe("panic-in-irq", "panic() in a hard interrupt", "context=hardirq"),
      probe("panic-in-softirq", "panic() in a soft interrupt", "context=softirq"),
      probe("panic-irqs-off", "panic() in a task that has interrupts off", "context=irqs-off"),
      probe("oops", "a bad memory access of a task, with panic_on_oops", "context=oops",
            {{"/proc/sys/kernel/panic_on_oops", "1"}}),
      probe("bug-in-kthread", "BUG() in a kernel thread, with panic_on_oops", "context=bug-kthread",
            {{"/proc/sys/kernel/panic_on_oops", "1"}}),
      probe("warn", "WARN() in a kernel thread, with panic_on_warn", "context=warn",
            {{"/proc/sys/kernel/panic_on_warn", "1"}}),
      probe("hung-task", "a task hangs in state D until the watchdog panics", "context=hung-task",
            {{"/proc/sys/kernel/hung_task_panic", "1"}, {"/proc/sys/kernel/hung_task_timeout_secs", "5"}}),
      // The watchdog panics after twice this threshold. Lower ones see lock-ups where the host is only busy.
      probe("soft-lockup", "a task does not let go of its CPU until the watchdog panics",
            "context=soft-lockup",
            {{"/proc/sys/kernel/softlockup_panic", "1"}, {"/proc/sys/kernel/watchdog_thresh", "4"}}),
      {.name = "panic-in-rtas",
       .summary = "panic() of a CPU that is in an RTAS call (pseries)",
       .agent_kind = "",
       .module = "rtas_hold",
       .module_parameters = "state=panic",
       .need = "probe:rtas_hold"},
      {.name = "panic-while-in-rtas",
       .summary = "panic() while another CPU is in a certain RTAS call (pseries)",
       .agent_kind = "",
       .module = "rtas_hold",
       .module_parameters = "state=meet",
       .need = "probe:rtas_hold",
       .parameters = {{.name = "function",
                       .help = "that call, which somebody has to make",
                       .example = std::string("ibm,configure-connector"),
                       .required = true}}},
      {.name = "crash-point",
       .summary = "the probe crash_point waits at a place in the kernel, which a workload reaches",
       .agent_kind = "workload",
       .module = "crash_point",
       .module_parameters = "",
       .runs_workload = true,
       .need = "probe:crash_point",
       .parameters = {{.name = "point",
                       .help = "parameters of the probe",
                       .example = std::string("cpuhp_state=213 direction=startup"),
                       .required = true},
                      {.name = "workload",
                       .help = "what the guest does meanwhile: cpuhp, rtas, memory",
                       .example = std::string("cpuhp"),
                       .required = true},
                      {.name = "times", .help = "how often it does that", .example = std::int64_t{1}}}},
      probe("oom", "a kernel thread takes all memory, with panic_on_oom", "context=oom",
            {{"/proc/sys/vm/panic_on_oom", "1"}}),
  };
}

}  // namespace

boost::json::object TriggerKind::agent_arguments(const ScenarioTrigger& trigger) const {
  boost::json::object arguments{{"kind", agent_kind.empty() ? name : agent_kind}};
  if (trigger.cpu) arguments["cpu"] = *trigger.cpu;
  if (!module.empty()) {
    arguments["module"] = module;
    arguments["params"] = module_parameters;
  }
  if (const auto* function = trigger.arguments.if_contains("function");
      function != nullptr && !module.empty()) {
    arguments["params"] =
        fmt::format("{} function={}", module_parameters, std::string_view(function->as_string()));
    return arguments;
  }
  if (!runs_workload) {
    for (const auto& [key, value] : trigger.arguments) arguments[key] = value;
    return arguments;
  }
  arguments["params"] = trigger.arguments.at("point");
  boost::json::object workload{{"name", trigger.arguments.at("workload")}};
  if (const auto* times = trigger.arguments.if_contains("times")) workload["times"] = *times;
  if (trigger.cpu) workload["cpu"] = *trigger.cpu;  // what it takes offline, not where the agent runs
  arguments.erase("cpu");
  arguments["workload"] = std::move(workload);
  return arguments;
}

const std::vector<TriggerKind>& trigger_kinds() {
  static const std::vector<TriggerKind> all = make_trigger_kinds();
  return all;
}

Result<TriggerKind> find_trigger(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& kind : trigger_kinds()) {
    if (kind.name == name) return kind;
    names.push_back(kind.name);
  }
  return Error::usage(fmt::format("unknown trigger kind \"{}\"{}", name, suggestion(name, names)))
      .with_hint(fmt::format("kinds are {}", fmt::join(names, ", ")));
}

}  // namespace crashpath
