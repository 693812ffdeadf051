#include "memreserve/chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "harness/base/json_number.h"
#include "harness/evidence/cpu_list.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/timeline.h"

namespace crashpath {
namespace {

namespace json = boost::json;

constexpr std::string_view kStates = "/sys/devices/system/cpu/hotplug/states";
constexpr std::string_view kState = "irqchip/arm/gicv3/memreserve:online";
constexpr std::string_view kCallback = "its_cpu_memreserve_lpi";
/// In every kernel with a GICv3 driver: where it was looked up, the callback was as well.
constexpr std::string_view kAlwaysThere = "its_cpu_init";

const json::value* member(const json::object& object, std::string_view group, std::string_view name) {
  const json::value* in = object.if_contains(group);
  return in != nullptr && in->is_object() ? in->get_object().if_contains(name) : nullptr;
}

std::string text_of(const json::value* value) {
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

/// Of several reports the last one that has a thing counts.
void take_report(const json::object& message, AgentWitness& witness) {
  const auto file = [&](std::string_view path) -> std::optional<std::string> {
    const json::value* text = member(message, "files", path);
    return text != nullptr && text->is_string() ? std::optional(text_of(text)) : std::nullopt;
  };
  if (const auto text = file("/proc/iomem"))
    if (auto iomem = parse_iomem(*text)) witness.iomem = *std::move(iomem);
  if (const auto text = file("/sys/devices/system/cpu/possible"))
    if (auto cpus = parse_cpu_list(*text)) witness.possible = *std::move(cpus);
  if (const auto text = file("/sys/devices/system/cpu/online"))
    if (auto cpus = parse_cpu_list(*text)) {
      witness.seen_online.insert(cpus->begin(), cpus->end());
      witness.online = *std::move(cpus);
    }
  if (const auto text = file(kStates)) witness.hotplug_state = text->find(kState) != std::string::npos;
  if (const auto text = file("/proc/sys/kernel/tainted")) {
    std::uint64_t taint = 0;
    if (std::from_chars(text->data(), text->data() + text->size(), taint).ec == std::errc())
      witness.tainted = taint;
  }
  if (member(message, "symbols", kAlwaysThere) != nullptr)
    witness.callback = member(message, "symbols", kCallback) != nullptr;
}

AgentWitness read_agent_witness(const std::vector<const json::object*>& messages) {
  AgentWitness witness;
  for (const json::object* message : messages) {
    const std::string type = text_of(message->if_contains("type"));
    if (type == "hello") {
      witness.release = text_of(message->if_contains("release"));
      witness.version = text_of(message->if_contains("version"));
      witness.cmdline = text_of(message->if_contains("cmdline"));
    }
    if (type == "report") take_report(*message, witness);
  }
  return witness;
}

/// Each kernel's agent says hello once. What comes before the first hello belongs to no kernel.
Result<std::vector<AgentWitness>> agents_of(const Evidence& evidence, Kernel record) {
  std::vector<std::vector<const json::object*>> kernels;
  for (const json::object& message : *CP_TRY(evidence.agent(record))) {
    if (text_of(message.if_contains("type")) == "hello") kernels.emplace_back();
    if (!kernels.empty()) kernels.back().push_back(&message);
  }
  std::vector<AgentWitness> witnesses;
  for (const auto& messages : kernels) witnesses.push_back(read_agent_witness(messages));
  return witnesses;
}

Result<> add_kernels(const Evidence& evidence, Kernel record, std::vector<ChainKernel>& chain) {
  const std::string_view file =
      record == Kernel::first ? evidence_file::kConsoleFirst : evidence_file::kConsoleSecond;
  std::vector<std::span<const RecordedLine>> consoles;
  if (evidence.has(file)) consoles = split_at_boots(*CP_TRY(evidence.console(record)));
  const std::vector<AgentWitness> agents = CP_TRY(agents_of(evidence, record));
  const std::size_t count = std::max(consoles.size(), agents.size());
  for (std::size_t i = 0; i < count; ++i) {
    ChainKernel& kernel = chain.emplace_back();
    kernel.record = record;
    if (i < consoles.size()) kernel.console = read_console_witness(consoles[i], file);
    if (i < agents.size()) kernel.agent = agents[i];
  }
  return {};
}

bool is_plain_kexec(const json::object& trial) {
  return text_of(member(trial, "trigger", "kind")) == "kexec";
}

/// When the stage began in which the first kernel is crashed.
Result<double> crash_began(const Evidence& evidence) {
  const Timeline timeline = CP_TRY(read_timeline(evidence.path(evidence_file::kTimeline)));
  for (const TimelineStage& each : timeline.stages)
    if (each.stage >= Stage::crash) return each.seconds;
  return INFINITY;
}

Result<ModelKernel> to_model(const ChainKernel& kernel, bool callback, double crash_began,
                             const TrialMachine& machine) {
  ModelKernel model{.crash = kernel.crash, .callback = callback};
  if (!kernel.agent.possible)
    return Error::guest(
        fmt::format("{}: there is no report of /sys/devices/system/cpu/possible", kernel.name));
  model.possible = static_cast<int>(kernel.agent.possible->size());
  for (const int cpu : *kernel.agent.possible) {
    const auto said = kernel.console.cpus.find(cpu);
    const bool booted = said != kernel.console.cpus.end() && said->second.booted_on;
    const bool online =
        kernel.agent.online && std::find(kernel.agent.online->begin(), kernel.agent.online->end(), cpu) !=
                                   kernel.agent.online->end();
    if (online && !booted)
      return Error::guest(
          fmt::format("{}: CPU{} is online, but the console does not say that it came up", kernel.name, cpu));
    ModelCpu each{.cpu = cpu, .redistributor = 0, .onlined = Onlined::never};
    if (booted) {
      const bool late = kernel.record == Kernel::first && said->second.booted_at >= crash_began;
      each.onlined = late ? Onlined::in_flight : Onlined::yes;
      each.at_report = kernel.agent.seen_online.contains(cpu) ? Onlined::yes : Onlined::in_flight;
      each.redistributor = *said->second.booted_on;
      if (each.redistributor >= static_cast<std::uint64_t>(machine.cpus))
        return Error::guest(fmt::format("{}: CPU{} came up as vCPU {} of {}", kernel.name, cpu,
                                        each.redistributor, machine.cpus));
    }
    model.cpus.push_back(each);
  }
  return model;
}

}  // namespace

Result<std::vector<ChainKernel>> read_chain(const Evidence& evidence) {
  std::vector<ChainKernel> chain;
  CP_TRY(add_kernels(evidence, Kernel::first, chain));
  const std::size_t first = chain.size();
  CP_TRY(add_kernels(evidence, Kernel::second, chain));
  const bool crash = !is_plain_kexec(*CP_TRY(evidence.trial()));
  for (std::size_t i = 0; i < chain.size(); ++i) {
    chain[i].crash = i >= first && crash;
    chain[i].name = chain[i].crash ? "crash kernel" : fmt::format("kernel {}", i);
  }
  return chain;
}

Result<TrialMachine> read_trial_machine(const Evidence& evidence) {
  const json::object& trial = *CP_TRY(evidence.trial());
  const json::value* described = trial.if_contains("machine");
  if (described == nullptr || !described->is_object()) return Error::host("trial.json has no machine");
  const json::object& machine = described->get_object();
  const auto has = [&machine](std::string_view name) {
    const json::value* value = machine.if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
  };
  TrialMachine read;
  read.cpus = number_member<int>(machine, "cpus").value_or(0);
  const bool gicv3 = text_of(machine.if_contains("gic_version")) != "2";
  read.model = {.its = gicv3 && has("its"), .efi = has("firmware")};
  if (CP_TRY(evidence.architecture()) != "arm64")
    read.nothing_to_reserve = "only arm64 has a GICv3";
  else if (!gicv3)
    read.nothing_to_reserve = "a GICv2 has no LPIs";
  else if (!read.model.its)
    read.nothing_to_reserve = "without an ITS no kernel uses LPIs";
  else if (!read.model.efi)
    read.nothing_to_reserve = "booted without UEFI: there is no memreserve table";
  return read;
}

Result<std::set<std::uint64_t>> find_late(const Evidence& evidence, const std::vector<ChainKernel>& chain) {
  const double began = CP_TRY(crash_began(evidence));
  std::set<std::uint64_t> late;
  std::set<std::uint64_t> early;
  for (const ChainKernel& kernel : chain)
    for (const auto& [number, cpu] : kernel.console.cpus)
      if (cpu.booted_on && kernel.record == Kernel::first)
        (cpu.booted_at >= began ? late : early).insert(*cpu.booted_on);
  for (const std::uint64_t redistributor : early) late.erase(redistributor);
  return late;
}

Result<std::vector<ModelKernel>> to_model(const Evidence& evidence, const std::vector<ChainKernel>& chain,
                                          const TrialMachine& machine) {
  const double began = CP_TRY(crash_began(evidence));
  std::vector<ModelKernel> models;
  // All kernels of a chain are the same one; symbols are looked up in some of them.
  const auto asked = std::find_if(chain.begin(), chain.end(), [](const ChainKernel& kernel) {
    return kernel.agent.callback.has_value();
  });
  if (asked == chain.end()) return Error::guest("no agent looked up its_cpu_init and its_cpu_memreserve_lpi");
  for (const ChainKernel& kernel : chain)
    models.push_back(CP_TRY(to_model(kernel, *asked->agent.callback, began, machine)));
  return models;
}

}  // namespace crashpath
