#include "harness/plan/plan_file.h"

#include <fmt/format.h>

#include <map>

#include "harness/trial/toml_table.h"

namespace crashpath {
namespace {

using Machines = std::map<std::string, NamedMachine>;

Result<Machines> read_machines(TomlTable& root) {
  Machines machines;
  machines["default"] = NamedMachine();
  auto table = CP_TRY(root.table("machines"));
  if (!table) return machines;
  for (const auto& name : table->keys()) {
    if (name == "default")
      return table->error(name, "\"default\" is the machine without changes: choose another name");
    auto machine = CP_TRY(table->table(name));
    machines[name] = {name, CP_TRY(read_machine(*machine))};
  }
  return machines;
}

Result<PlanEntry> read_entry(TomlTable& table, const Machines& machines) {
  PlanEntry entry;
  for (const auto& architecture : architectures()) entry.architectures.emplace_back(architecture.name);
  entry.architectures = CP_TRY(table.strings("arch")).value_or(entry.architectures);
  for (const auto& name : entry.architectures)
    if (find_architecture(name) == nullptr)
      return table.error("arch", fmt::format("unknown architecture \"{}\"", name));
  entry.kernels = CP_TRY(table.strings("kernels")).value_or(std::vector<std::string>());
  entry.scenarios = CP_TRY(table.strings("scenarios")).value_or(std::vector<std::string>());
  if (entry.scenarios.empty())
    return table.error("scenarios",
                       "\"scenarios\" is missing or empty: write names or globs such as \"panic.*\"");
  for (const auto& name : CP_TRY(table.strings("machines")).value_or(std::vector<std::string>{"default"})) {
    const auto found = machines.find(name);
    if (found == machines.end())
      return table.error("machines",
                         fmt::format("unknown machine \"{0}\": there is no [machines.{0}]", name));
    entry.machines.push_back(found->second);
  }
  if (entry.machines.empty())
    return table.error("machines", "\"machines\" is empty: leave it out for the default");
  entry.repeat = static_cast<int>(CP_TRY(table.integer("repeat", 1, 100000)).value_or(1));
  CP_TRY(table.finish());
  return entry;
}

}  // namespace

Result<std::vector<PlanEntry>> parse_plan(std::string_view text, const std::filesystem::path& file) {
  const toml::table document = CP_TRY(parse_toml(text, file));
  TomlTable root(document, file);
  const Machines machines = CP_TRY(read_machines(root));
  std::vector<PlanEntry> entries;
  for (auto& table : CP_TRY(root.tables("trials"))) entries.push_back(CP_TRY(read_entry(table, machines)));
  CP_TRY(root.finish());
  if (entries.empty()) return root.error("", "the plan has no [[trials]]");
  return entries;
}

}  // namespace crashpath
