#include "harness/plan/host_pool.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/trial/toml_table.h"

namespace crashpath {
namespace {

template <class T>
bool allows(const std::vector<T>& wanted, const T& one) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), one) != wanted.end();
}

Result<HostEntry> read_host(TomlTable& table) {
  HostEntry entry{.uri = CP_TRY(table.required_string("uri"))};
  if (const auto kind = MachineKind::parse("libvirt:" + entry.uri); !kind)
    return table.error("uri", kind.error().message());
  if (const auto slots = CP_TRY(table.integer("slots", 1, 1024))) entry.slots = static_cast<int>(*slots);
  entry.architectures = CP_TRY(table.strings("arch")).value_or(std::vector<std::string>());
  for (const auto& name : entry.architectures)
    if (find_architecture(name) == nullptr)
      return table.error("arch", fmt::format("unknown architecture \"{}\"", name));
  entry.accelerators = CP_TRY(table.strings("accelerators")).value_or(std::vector<std::string>());
  for (const auto& name : entry.accelerators)
    if (name != "kvm" && name != "tcg")
      return table.error("accelerators",
                         fmt::format("unknown accelerator \"{}\": kvm and tcg are known", name));
  CP_TRY(table.finish());
  return entry;
}

Result<PoolHost> connect(const HostEntry& entry) {
  PoolHost host{.machine = CP_TRY(MachineKind::parse("libvirt:" + entry.uri))};
  host.place = CP_TRY(host.machine.open());
  const MachineSurvey survey = CP_TRY(host.machine.survey());
  host.slots = entry.slots.value_or(survey.slots);
  for (const auto& [architecture, accelerator] : survey.accelerators)
    if (allows(entry.architectures, architecture) && allows(entry.accelerators, accelerator))
      host.accelerators.emplace(architecture, accelerator);
  return host;
}

}  // namespace

Result<std::vector<HostEntry>> parse_hosts(std::string_view text, const std::filesystem::path& file) {
  const toml::table document = CP_TRY(parse_toml(text, file));
  TomlTable root(document, file);
  std::vector<HostEntry> entries;
  for (auto& table : CP_TRY(root.tables("host"))) entries.push_back(CP_TRY(read_host(table)));
  CP_TRY(root.finish());
  if (entries.empty()) return root.error("", "there is no [[host]]");
  return entries;
}

HostPool::HostPool(std::vector<PoolHost> hosts) {
  for (auto& host : hosts) members_.push_back({.host = std::move(host)});
}

Result<std::unique_ptr<HostPool>> HostPool::open(const std::vector<HostEntry>& entries,
                                                 const std::function<void(std::string_view)>& say) {
  std::vector<PoolHost> hosts;
  for (const auto& entry : entries) {
    auto host = connect(entry);
    if (host)
      hosts.push_back(std::move(*host));
    else
      say(fmt::format("{} is left out: {}", entry.uri, host.error().message()));
  }
  if (hosts.empty()) return Error::host("none of the hosts answers");
  return std::make_unique<HostPool>(std::move(hosts));
}

/// Why this host does not run it, or nothing.
std::string HostPool::lacking(const PlannedTrial& trial, const PoolHost& host) {
  const std::string architecture(trial.image->architecture->name);
  if (!host.accelerators.contains(architecture))
    return fmt::format("{} runs no {} guests", host.machine.name(), architecture);
  const auto words = impossible(trial, host.machine.capabilities());
  return words.empty() ? "" : fmt::format("the machine {} {}", host.machine.name(), words);
}

std::optional<HostPool::Slot> HostPool::take(const PlannedTrial& trial) {
  const std::string architecture(trial.image->architecture->name);
  const auto rank = [&](const Member& member) {
    return std::pair(member.host.accelerators.at(architecture) != "kvm", member.busy - member.host.slots);
  };
  std::unique_lock lock(mutex_);
  for (;;) {
    Member* best = nullptr;
    bool possible = false;
    for (auto& member : members_) {
      if (member.aside || !lacking(trial, member.host).empty()) continue;
      possible = true;
      if (member.busy < member.host.slots && (best == nullptr || rank(member) < rank(*best))) best = &member;
    }
    if (best != nullptr) {
      ++best->busy;
      return Slot(*this, *best);
    }
    if (!possible) return std::nullopt;
    changed_.wait(lock);
  }
}

void HostPool::rule_out(std::vector<PlannedTrial>& trials) const {
  for (auto& trial : trials) {
    if (!trial.skip_reason.empty()) continue;
    std::string reasons;
    for (const auto& member : members_) {
      const std::string words = lacking(trial, member.host);
      reasons += fmt::format("{}{}", reasons.empty() ? "" : "; ", words);
      if (words.empty()) {
        reasons.clear();
        break;
      }
    }
    trial.skip_reason = std::move(reasons);
  }
}

int HostPool::slots() const {
  int slots = 0;
  for (const auto& member : members_) slots += member.host.slots;
  return slots;
}

void HostPool::give_back(Member& member) {
  const std::scoped_lock lock(mutex_);
  --member.busy;
  changed_.notify_all();
}

void HostPool::Slot::set_aside() {
  const std::scoped_lock lock(pool_->mutex_);
  member_->aside = true;
  pool_->changed_.notify_all();
}

}  // namespace crashpath
