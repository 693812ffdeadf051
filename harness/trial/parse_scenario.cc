// parse_scenario(): one function per table of the file, in the order of docs/scenarios.md.

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <regex>

#include "harness/trial/needs.h"
#include "harness/trial/scenario.h"
#include "harness/trial/steps.h"
#include "harness/trial/toml_table.h"
#include "harness/trial/triggers.h"

namespace crashpath {
namespace {

constexpr std::int64_t kMostCpus = 512;           // QEMU's virt; pseries takes more than anybody emulates
constexpr std::int64_t kMostMemory = 256 * 1024;  // MiB
constexpr std::int64_t kLeastMemory = 256;

/// Puts the place of a key in front of an error that knows of no place.
Error placed(const TomlTable& table, std::string_view key, const Error& error) {
  Error there = table.error(key, error.message());
  return error.hint().empty() ? there : std::move(there).with_hint(error.hint());
}

Result<std::optional<std::string>> one_of(TomlTable& table, std::string_view key,
                                          const std::vector<std::string_view>& possible) {
  auto value = CP_TRY(table.string(key));
  if (value && std::find(possible.begin(), possible.end(), *value) == possible.end())
    return table.error(key, fmt::format("\"{}\" is \"{}\", but must be one of {}{}", key, *value,
                                        fmt::join(possible, ", "), suggestion(*value, possible)));
  return value;
}

bool is_safe_name(std::string_view name) {
  const auto safe = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return std::all_of(name.begin(), name.end(), safe) && name.front() != '.' && name.back() != '.' &&
         name.find("..") == std::string_view::npos;
}

Result<> read_identity(TomlTable& table, Scenario& scenario) {
  scenario.name = CP_TRY(table.required_string("name"));
  if (!is_safe_name(scenario.name))
    return table.error("name",
                       fmt::format("\"{}\" is no name: it becomes part of a file name, so write it with a-z, "
                                   "0-9, '-', '_' and '.' between them",
                                   scenario.name));
  scenario.summary = CP_TRY(table.required_string("summary"));
  scenario.why = CP_TRY(table.string("why")).value_or("");
  scenario.is_default = CP_TRY(table.boolean("default")).value_or(false);
  return {};
}

Result<> read_architectures(TomlTable& table, Scenario& scenario) {
  std::vector<std::string_view> known;
  for (const auto& architecture : architectures()) known.push_back(architecture.name);
  scenario.architectures =
      CP_TRY(table.strings("arch")).value_or(std::vector<std::string>(known.begin(), known.end()));
  if (scenario.architectures.empty()) return table.error("arch", "\"arch\" is empty: leave it out for all");
  for (const auto& name : scenario.architectures)
    if (find_architecture(name) == nullptr)
      return table.error("arch", fmt::format("unknown architecture \"{}\"{}; known are {}", name,
                                             suggestion(name, known), fmt::join(known, ", ")));
  return {};
}

Result<> read_needs(TomlTable& table, Scenario& scenario) {
  scenario.needs = CP_TRY(table.strings("needs")).value_or(std::vector<std::string>());
  for (const auto& text : scenario.needs)
    if (const auto need = parse_need(text); !need) return placed(table, "needs", need.error());
  return {};
}

std::optional<int> narrow(std::optional<std::int64_t> value) {
  return value ? std::optional<int>(static_cast<int>(*value)) : std::nullopt;
}

Result<> read_kernel(TomlTable& root, Scenario& scenario) {
  auto table = CP_TRY(root.table("kernel"));
  if (!table) return {};
  scenario.kernel.crashkernel = CP_TRY(table->string("crashkernel"));
  scenario.kernel.append = CP_TRY(table->string("append")).value_or("");
  return table->finish();
}

Result<> read_capture(TomlTable& root, ScenarioCapture& capture) {
  auto table = CP_TRY(root.table("capture"));
  if (!table) return {};
  const ScenarioCapture standard;
  capture.load = CP_TRY(table->boolean("load")).value_or(standard.load);
  capture.capture = CP_TRY(table->boolean("capture")).value_or(standard.capture);
  capture.format = CP_TRY(one_of(*table, "format", {"kdump", "elf"})).value_or(standard.format);
  capture.level = narrow(CP_TRY(table->integer("level", 0, 31))).value_or(standard.level);
  capture.integrity_check = CP_TRY(table->boolean("integrity_check")).value_or(standard.integrity_check);
  capture.lean = CP_TRY(table->boolean("lean")).value_or(standard.lean);
  capture.append = CP_TRY(table->string("append")).value_or("");
  capture.kexec_args = CP_TRY(table->strings("kexec_args")).value_or(std::vector<std::string>());
  capture.initramfs =
      CP_TRY(one_of(*table, "initramfs", {"standard", "without-init"})).value_or(standard.initramfs);
  return table->finish();
}

Result<std::vector<Moment>> read_moments(TomlTable& table, std::string_view key,
                                         std::vector<Moment> otherwise) {
  const auto words = CP_TRY(table.strings(key));
  if (!words) return otherwise;
  std::vector<std::string_view> known;
  for (const Moment moment : kMoments) known.push_back(to_string(moment));
  std::vector<Moment> moments;
  for (const auto& word : *words) {
    const auto moment = parse_moment(word);
    if (!moment)
      return table.error(key, fmt::format("unknown moment \"{}\"{}; moments are {}", word,
                                          suggestion(word, known), fmt::join(known, ", ")));
    moments.push_back(*moment);
  }
  return moments;
}

/// As the kernel's symbols are written: "gic_rdists", "t.12".
bool is_symbol(std::string_view name) {
  constexpr std::size_t kLongest = 511;  // KSYM_NAME_LEN of scripts/kallsyms.c, with its 0
  const auto in_symbols = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '$';
  };
  return !name.empty() && name.size() <= kLongest && std::all_of(name.begin(), name.end(), in_symbols);
}

Result<std::vector<std::string>> read_symbols(TomlTable& table) {
  auto symbols = CP_TRY(table.strings("symbols")).value_or(std::vector<std::string>());
  for (const auto& name : symbols)
    if (!is_symbol(name))
      return table.error("symbols", fmt::format("\"{}\" cannot be a symbol of a kernel", name));
  return symbols;
}

Result<std::vector<MemoryWitness>> read_witnesses(TomlTable& table, const CheckRegistry& registry) {
  std::vector<std::string_view> known;
  for (const auto& witness : registry.witnesses()) known.push_back(witness.name);
  std::vector<MemoryWitness> witnesses;
  for (const auto& name : CP_TRY(table.strings("pages")).value_or(std::vector<std::string>())) {
    const MemoryWitness* witness = registry.find_witness(name);
    if (witness == nullptr)
      return table
          .error("pages", fmt::format("unknown memory witness \"{}\"{}", name, suggestion(name, known)))
          .with_hint("`crashpath list witnesses` shows all of them");
    witnesses.push_back(*witness);
  }
  return witnesses;
}

/// Names only: QEMU takes patterns too, but what a scenario records must not depend on which events a QEMU
/// has.
Result<std::vector<std::string>> read_trace_events(TomlTable& table) {
  static const std::regex name("[a-z][a-z0-9_]{0,99}");
  const auto events = CP_TRY(table.strings("trace")).value_or(std::vector<std::string>());
  for (const auto& event : events)
    if (!std::regex_match(event, name))
      return table.error("trace", fmt::format("\"{}\" is no name of a trace event", event))
          .with_hint("`qemu-system-aarch64 -trace help` lists them");
  return events;
}

Result<> read_record(TomlTable& root, ScenarioRecord& record, const CheckRegistry& registry) {
  auto table = CP_TRY(root.table("record"));
  if (!table) return {};
  record.device_state = CP_TRY(read_moments(*table, "device-state", record.device_state));
  record.memory = CP_TRY(read_moments(*table, "memory", record.memory));
  record.symbols = CP_TRY(read_symbols(*table));
  record.pages = CP_TRY(read_witnesses(*table, registry));
  record.trace = CP_TRY(read_trace_events(*table));
  return table->finish();
}

boost::json::object to_json(const CheckParameters& parameters) {
  boost::json::object object;
  for (const auto& [name, value] : parameters)
    object[name] = std::visit([](const auto& plain) { return boost::json::value_from(plain); }, value);
  return object;
}

/// A `cpu` of a step or trigger must be one that the machine has.
Result<> check_cpu(const TomlTable& table, std::int64_t cpu, const Scenario& scenario) {
  const int cpus = scenario.machine.cpus.value_or(MachineConfig().cpus);
  if (cpu >= 0 && cpu < cpus) return {};
  return table.error("cpu",
                     fmt::format("\"cpu\" is {}, but the machine has the CPUs 0 to {}", cpu, cpus - 1));
}

/// Steps of the second kernel are those that its agent can do before it writes the dump.
Result<Kernel> read_step_kernel(TomlTable& table, std::string_view run) {
  const auto kernel = CP_TRY(one_of(table, "kernel", {"first", "second"})).value_or("first");
  if (kernel == "first") return Kernel::first;
  static constexpr std::string_view possible[] = {"exec", "write", "workload"};
  if (std::find(std::begin(possible), std::end(possible), run) == std::end(possible))
    return table.error(
        "kernel", fmt::format("the second kernel can do {}, but not \"{}\"", fmt::join(possible, ", "), run));
  return Kernel::second;
}

/// A chain is written out, step by step, in the script.
Result<> check_kexecs(const TomlTable& table, std::int64_t times) {
  constexpr std::int64_t most = 100;
  if (times >= 1 && times <= most) return {};
  return table.error("times", fmt::format("\"times\" is {}, but must be 1 to {}", times, most));
}

Result<> read_step(TomlTable& table, Scenario& scenario) {
  const std::string run = CP_TRY(table.required_string("run"));
  const auto kind = find_step(run);
  if (!kind) return placed(table, "run", kind.error());
  const Kernel kernel = CP_TRY(read_step_kernel(table, run));
  const CheckParameters parameters = CP_TRY(table.parameters(kind->parameters));
  CP_TRY(table.finish());
  if (const auto cpu = parameters.find("cpu"); cpu != parameters.end())
    CP_TRY(check_cpu(table, std::get<std::int64_t>(cpu->second), scenario));
  if (run == "host.corrupt-crash-image" && !scenario.capture.load)
    return table.error("run", "no crash kernel is loaded (capture.load = false), so none can be corrupted");
  if (const auto times = parameters.find("times"); run == "kexec" && times != parameters.end())
    CP_TRY(check_kexecs(table, std::get<std::int64_t>(times->second)));
  scenario.steps.push_back({run, to_json(parameters), table.line(), kernel});
  return {};
}

Result<> read_trigger(TomlTable& root, Scenario& scenario) {
  auto table = CP_TRY(root.table("trigger"));
  if (!table) return {};
  ScenarioTrigger trigger;
  trigger.kind = CP_TRY(table->required_string("kind"));
  const auto kind = find_trigger(trigger.kind);
  if (!kind) return placed(*table, "kind", kind.error());
  if (kind->takes_cpu) {
    trigger.cpu = narrow(CP_TRY(table->integer("cpu", 0, kMostCpus)));
    if (trigger.cpu) CP_TRY(check_cpu(*table, *trigger.cpu, scenario));
  }
  trigger.arguments = to_json(CP_TRY(table->parameters(kind->parameters)));
  CP_TRY(table->finish());
  scenario.trigger = std::move(trigger);
  return {};
}

Result<> read_expect(TomlTable& table, Scenario& scenario, const CheckRegistry& registry) {
  ScenarioExpect expect{
      .check = CP_TRY(table.required_string("check")), .parameters = {}, .line = table.line()};
  const auto checks = registry.match(expect.check);
  if (checks.empty()) {
    std::vector<std::string_view> names;
    for (const auto& check : registry.all()) names.push_back(check.name);
    return table
        .error("check", fmt::format("unknown check \"{}\"{}", expect.check, suggestion(expect.check, names)))
        .with_hint("`crashpath list checks` shows all of them");
  }
  // A family's checks have parameters of their own: whoever wants to set one names the check.
  if (!expect.check.ends_with(".*")) expect.parameters = CP_TRY(table.parameters(checks.front()->parameters));
  CP_TRY(table.finish());
  scenario.expects.push_back(std::move(expect));
  return {};
}

Result<> read_ends(TomlTable& root, Scenario& scenario) {
  auto table = CP_TRY(root.table("ends"));
  if (!table) return {};
  ScenarioEnds ends;
  const std::string stage = CP_TRY(table->required_string("stage"));
  const auto parsed = parse_stage(stage);
  if (!parsed) {
    std::vector<std::string_view> names;
    for (const Stage each : kStages) names.push_back(to_string(each));
    return table->error("stage", fmt::format("unknown stage \"{}\"{}; stages are {}", stage,
                                             suggestion(stage, names), fmt::join(names, ", ")));
  }
  ends.stage = *parsed;
  ends.words = CP_TRY(table->required_string("words"));
  try {
    std::regex(ends.words, std::regex::ECMAScript);
  } catch (const std::regex_error& error) {
    return table->error("words",
                        fmt::format("\"{}\" is no regular expression: {}", ends.words, error.what()));
  }
  CP_TRY(table->finish());
  scenario.ends = std::move(ends);
  return {};
}

/// What each table allows by itself, but no trial can do.
Result<> check_whole(const TomlTable& root, const Scenario& scenario) {
  if (scenario.expects.empty() && !scenario.ends)
    return root.error("", "nothing is expected, so nothing could pass: add an [[expect]] or [ends]");
  const auto in_second = [](const ScenarioStep& step) { return step.kernel == Kernel::second; };
  if (!scenario.trigger && std::any_of(scenario.steps.begin(), scenario.steps.end(), in_second))
    return root.error("step", "a step is for the second kernel, but without a [trigger] there is none");
  if (!scenario.trigger || scenario.ends) return {};
  const auto kind = CP_TRY(find_trigger(scenario.trigger->kind));
  if (!kind.plain_kexec && !scenario.capture.load)
    return root.error(
        "trigger", "a crash without a crash kernel (capture.load = false) has no second kernel: add [ends]");
  return {};
}

}  // namespace

Result<ScenarioMachine> read_machine(TomlTable& table) {
  ScenarioMachine machine;
  machine.cpus = narrow(CP_TRY(table.integer("cpus", 1, kMostCpus)));
  machine.memory_mib = narrow(CP_TRY(table.integer("memory_mib", kLeastMemory, kMostMemory)));
  machine.cpu_model = CP_TRY(table.string("cpu_model"));
  machine.tcg_thread = CP_TRY(one_of(table, "tcg_thread", {"multi", "single"}));
  machine.gic_version = CP_TRY(one_of(table, "gic_version", {"2", "3", "4"}));
  machine.its = CP_TRY(table.boolean("its"));
  machine.ic_mode = CP_TRY(one_of(table, "ic_mode", {"xics", "xive", "dual"}));
  machine.firmware = CP_TRY(table.boolean("firmware"));
  machine.acpi = CP_TRY(table.boolean("acpi"));
  CP_TRY(table.finish());
  return machine;
}

Result<Scenario> parse_scenario(std::string text, const std::filesystem::path& file,
                                const CheckRegistry& registry) {
  const toml::table document = CP_TRY(parse_toml(text, file));
  TomlTable root(document, file);
  Scenario scenario;
  CP_TRY(read_identity(root, scenario));
  CP_TRY(read_architectures(root, scenario));
  CP_TRY(read_needs(root, scenario));
  if (auto machine = CP_TRY(root.table("machine"))) scenario.machine = CP_TRY(read_machine(*machine));
  CP_TRY(read_kernel(root, scenario));
  CP_TRY(read_capture(root, scenario.capture));
  CP_TRY(read_record(root, scenario.record, registry));
  for (auto& step : CP_TRY(root.tables("step"))) CP_TRY(read_step(step, scenario));
  CP_TRY(read_trigger(root, scenario));
  for (auto& expect : CP_TRY(root.tables("expect"))) CP_TRY(read_expect(expect, scenario, registry));
  CP_TRY(read_ends(root, scenario));
  CP_TRY(root.finish());
  CP_TRY(check_whole(root, scenario));
  scenario.file = file;
  scenario.text = std::move(text);
  return scenario;
}

}  // namespace crashpath
