#include <fmt/format.h>

#include "memreserve/show.h"

namespace crashpath {
namespace {

namespace json = boost::json;

/// Many readers of JSON have no integers that large.
json::value address(std::uint64_t number) {
  return number == 0 ? json::value(nullptr) : json::value(fmt::format("{:#x}", number));
}

json::object list_to_json(const From<MemreserveList>& from) {
  json::object list{{"file", from.file}};
  if (!from.value) {
    list["error"] = from.value.error().message();
    return list;
  }
  json::array entries;
  for (const MemreserveEntry& entry : from.value->entries)
    entries.push_back(json::object{{"page", address(entry.node)},
                                   {"index", entry.index},
                                   {"base", fmt::format("{:#x}", entry.range.begin)},
                                   {"size", fmt::format("{:#x}", entry.range.end - entry.range.begin)}});
  list["entries"] = std::move(entries);
  list["problems"] = json::value_from(from.value->problems);
  return list;
}

json::object cpu_to_json(const ConsoleCpu& cpu) {
  json::object object{{"redistributor", nullptr}, {"source", nullptr}, {"table", address(cpu.table)}};
  if (cpu.booted_on) object["redistributor"] = *cpu.booted_on;
  if (cpu.source != TableSource::none)
    object["source"] = cpu.source == TableSource::allocated ? "allocated" : "reserved";
  return object;
}

json::object kernel_to_json(const ChainKernel& kernel) {
  json::object cpus;
  for (const auto& [number, cpu] : kernel.console.cpus) cpus[std::to_string(number)] = cpu_to_json(cpu);
  json::object object{{"name", kernel.name},
                      {"release", kernel.agent.release},
                      {"cmdline", kernel.agent.cmdline},
                      {"preallocated", kernel.console.preallocated},
                      {"property_table", address(kernel.console.property_table.value_or(0))},
                      {"hotplug_state", nullptr},
                      {"warnings", json::value_from(kernel.console.warnings)},
                      {"cpus", std::move(cpus)}};
  if (kernel.agent.hotplug_state) object["hotplug_state"] = *kernel.agent.hotplug_state;
  return object;
}

json::value or_error(const Result<std::uint64_t>& number) {
  return number ? json::value(fmt::format("{:#x}", *number))
                : json::value{{"error", number.error().message()}};
}

json::object state_to_json(const From<LpiState>& from) {
  json::object object{{"file", from.file}};
  if (!from.value) {
    object["error"] = from.value.error().message();
    return object;
  }
  object["flags"] = fmt::format("{:#x}", from.value->flags);
  object["prop_table_pa"] = address(from.value->property_table);
  json::object cpus;
  for (const auto& [number, cpu] : from.value->cpus)
    cpus[std::to_string(number)] =
        json::object{{"flags", or_error(cpu.flags)}, {"pend_page", or_error(cpu.pending_table)}};
  object["cpus"] = std::move(cpus);
  return object;
}

json::object redistributors_to_json(const From<std::vector<GicRedistributor>>& from) {
  json::object object{{"file", from.file}};
  if (!from.value) {
    object["error"] = from.value.error().message();
    return object;
  }
  json::array all;
  for (const GicRedistributor& each : *from.value)
    all.push_back(json::object{{"enable_lpis", each.lpis_enabled()},
                               {"property_table", address(each.property_table())},
                               {"pending_table", address(each.pending_table())}});
  object["redistributors"] = std::move(all);
  return object;
}

}  // namespace

json::object to_json(const MemreserveExhibit& exhibit) {
  const Witnesses& witnesses = exhibit.witnesses;
  json::object object{{"schema", 1}, {"trial", exhibit.trial}, {"cpus", witnesses.machine.cpus}};
  object["root"] = address(witnesses.root.value_or(0));
  json::array lists, states, devices, kernels, contradictions;
  for (const auto& list : witnesses.lists) lists.push_back(list_to_json(list));
  for (const auto& state : witnesses.states) states.push_back(state_to_json(state));
  for (const auto& [moment, from] : witnesses.redistributors) devices.push_back(redistributors_to_json(from));
  for (const ChainKernel& kernel : witnesses.chain) kernels.push_back(kernel_to_json(kernel));
  object["lists"] = std::move(lists);
  object["states"] = std::move(states);
  object["devices"] = std::move(devices);
  object["kernels"] = std::move(kernels);
  if (!exhibit.comparison) {
    object["contradictions"] = nullptr;
    object["not_compared"] = json::array{exhibit.comparison.error().message()};
    return object;
  }
  for (const Contradiction& each : exhibit.comparison->contradictions)
    contradictions.push_back(json::object{{"subject", each.subject},
                                          {"field", each.field},
                                          {"expected", each.expected},
                                          {"got", each.got},
                                          {"evidence", each.evidence}});
  object["contradictions"] = std::move(contradictions);
  object["not_compared"] = json::value_from(exhibit.comparison->lacking);
  return object;
}

}  // namespace crashpath
