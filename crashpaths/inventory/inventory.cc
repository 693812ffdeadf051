#include "crashpaths/inventory/inventory.h"

#include <fmt/format.h>

#include <algorithm>

#include "crashpaths/inventory/crash_calls.h"
#include "harness/evidence/vmcore.h"

namespace crashpath {
namespace {

namespace json = boost::json;

constexpr std::string_view kCrashing = "crashing CPU", kOthers = "other CPUs";

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* text = object.if_contains(name);
  return text != nullptr && text->is_string() ? std::string(text->get_string()) : std::string();
}

std::string example(const std::string& arguments, std::int64_t status) {
  return fmt::format("({}) = {}", arguments == "-" ? "" : arguments, status);
}

template <class Item>
Item* find(std::vector<Item>& items, std::string_view kind, std::string_view name, std::string_view by) {
  const auto found = std::find_if(items.begin(), items.end(), [&](const Item& item) {
    return item.kind == kind && item.name == name && item.by == by;
  });
  return found == items.end() ? nullptr : &*found;
}

/// Whoever panics makes the first call; the others only finish what they were in.
void take_rtas(const std::vector<RtasCall>& calls, std::vector<InventoryCall>& inventory) {
  for (const RtasCall& call : calls) {
    const std::string_view by = call.cpu == calls.front().cpu ? kCrashing : kOthers;
    if (InventoryCall* known = find(inventory, "RTAS", call.name, by))
      ++known->times;
    else
      inventory.push_back({"RTAS", call.name, std::string(by), 1, example(call.arguments, call.status)});
  }
}

void take_hypervisor(const std::vector<HypervisorCalls>& calls, std::vector<InventoryCall>& inventory) {
  for (const HypervisorCalls& call : calls)
    inventory.push_back({"hcall", call.name == "?" ? fmt::format("{:#x}", call.opcode) : call.name,
                         std::string(call.crashing ? kCrashing : kOthers), call.times,
                         example(call.arguments, call.status)});
}

std::string line(const InventoryRow& row, std::string_view counts) {
  return fmt::format("{:<6} {:<26} {:<13} {}  {}\n", row.kind, row.name, row.by, counts, row.example);
}

json::object to_json(const InventoryCall& call) {
  return {{"kind", call.kind},
          {"name", call.name},
          {"by", call.by},
          {"times", call.times},
          {"first", call.example}};
}

json::object about(const Inventory& inventory) {
  return {{"trial", inventory.trial}, {"kernel", inventory.kernel}};
}

}  // namespace

Result<Inventory> read_inventory(const Evidence& evidence) {
  const json::object& trial = *CP_TRY(evidence.trial());
  Inventory inventory{.trial = text_of(trial, "id"), .kernel = {}, .calls = {}};
  if (const auto* kernel = trial.if_contains("kernel"); kernel != nullptr && kernel->is_object())
    inventory.kernel = text_of(kernel->get_object(), "release");
  const std::string dmesg = CP_TRY(CP_TRY(evidence.vmcore())->dmesg());
  take_rtas(rtas_calls_in(dmesg), inventory.calls);
  take_hypervisor(hypervisor_calls_in(dmesg), inventory.calls);
  if (inventory.calls.empty())
    return Error::guest("the dump's log has no calls of a crash")
        .with_hint("the scenarios rtas.calls-xics and rtas.calls-xive record them");
  return inventory;
}

std::vector<InventoryRow> compare(const Inventory& first, const Inventory& second) {
  std::vector<InventoryRow> rows;
  for (const int side : {0, 1})
    for (const InventoryCall& call : side == 0 ? first.calls : second.calls) {
      InventoryRow* row = find(rows, call.kind, call.name, call.by);
      if (row == nullptr) {
        const auto behind = std::find_if(rows.rbegin(), rows.rend(),
                                         [&](const InventoryRow& other) { return other.kind == call.kind; });
        const auto place = behind != rows.rend() ? behind.base()
                           : call.kind == "RTAS" ? rows.begin()
                                                 : rows.end();
        row = &*rows.insert(place, {call.kind, call.name, call.by, {0, 0}, call.example});
      }
      row->times[side] += call.times;
    }
  return rows;
}

bool same_calls(const std::vector<InventoryRow>& rows) {
  return std::all_of(rows.begin(), rows.end(),
                     [](const InventoryRow& row) { return row.times[0] != 0 && row.times[1] != 0; });
}

std::string to_text(const Inventory& inventory) {
  std::string text = fmt::format("{}: {}\n", inventory.trial, inventory.kernel);
  for (const InventoryCall& call : inventory.calls)
    text += line({call.kind, call.name, call.by, {0, 0}, call.example}, fmt::format("{:>7}", call.times));
  return text;
}

std::string to_text(const Inventory& first, const Inventory& second) {
  std::string text =
      fmt::format("A: {}: {}\nB: {}: {}\n\n", first.trial, first.kernel, second.trial, second.kernel);
  text += fmt::format("{:<47} {:>7} {:>7}\n", "", "A", "B");
  const auto count = [](std::uint64_t times) {
    return times == 0 ? std::string("-") : std::to_string(times);
  };
  const auto rows = compare(first, second);
  for (const InventoryRow& row : rows) {
    std::string counts = fmt::format("{:>7} {:>7}", count(row.times[0]), count(row.times[1]));
    if (row.times[0] == 0) counts += "  only B";
    if (row.times[1] == 0) counts += "  only A";
    text += line(row, counts);
  }
  return text + (same_calls(rows) ? "\nboth make the same calls\n" : "");
}

json::object to_json(const Inventory& inventory) {
  json::object object = about(inventory);
  object["schema"] = 1;
  json::array calls;
  for (const InventoryCall& call : inventory.calls) calls.push_back(to_json(call));
  object["calls"] = std::move(calls);
  return object;
}

json::object to_json(const Inventory& first, const Inventory& second) {
  json::array calls;
  for (const InventoryRow& row : compare(first, second))
    calls.push_back(json::object{{"kind", row.kind},
                                 {"name", row.name},
                                 {"by", row.by},
                                 {"times", json::array{row.times[0], row.times[1]}},
                                 {"first", row.example}});
  return {{"schema", 1}, {"trials", json::array{about(first), about(second)}}, {"calls", std::move(calls)}};
}

}  // namespace crashpath
