#include "cli/templates.h"

#include <fmt/format.h>

#include "harness/base/paths.h"
#include "harness/plan/scheduler.h"

namespace crashpath {
std::filesystem::path templates_directory() {
  return cache_directory() / "templates";
}

MachineFactory machines_of(const PlannedTrial& trial) {
  return [&kind = trial.machine_kind](const MachineConfig& config) -> Result<std::unique_ptr<Machine>> {
    return kind.make(config);
  };
}

RunTemplates::RunTemplates(const std::vector<PlannedTrial>& trials, int least_shared,
                           std::function<void(std::string_view)> say)
    : least_shared_(least_shared), say_(std::move(say)), store_(templates_directory(), kTemplateLimit) {
  for (const PlannedTrial& trial : trials) {
    if (!trial.machine_kind.capabilities().forks) continue;
    const auto key = template_key(trial, machines_of(trial));
    if (!key || key->empty()) continue;  // what is wrong with it, its own verdict says
    keys_.emplace(&trial, *key);
    Shape& shape = shapes_[*key];
    shape.example = &trial;
    ++shape.trials;
  }
}

void RunTemplates::make(int workers, Interruption& interruption) {
  std::vector<std::pair<const std::string, Shape>*> missing;
  for (auto& entry : shapes_) {
    auto& [key, shape] = entry;
    if (store_.has(key) && load(key, shape) != nullptr) continue;
    shape.usable = false;
    if (shape.trials >= least_shared_) missing.push_back(&entry);
  }
  run_jobs(missing.size(), workers, interruption.requested(), [&](std::size_t number) {
    make_one(missing[number]->first, missing[number]->second, interruption);
  });
}

void RunTemplates::make_one(const std::string& key, Shape& shape, Interruption& interruption) {
  say_(fmt::format("booting {} once for {} trials", key, shape.trials));
  UnobservedTrial observer;
  const auto made = store_.make(key, *shape.example, machines_of(*shape.example), observer, interruption);
  if (!made) {
    say_(fmt::format("no template {}: {}; its trials boot one by one", key, made.error().message()));
    return;
  }
  shape.usable = true;
}

std::shared_ptr<const Template> RunTemplates::load(const std::string& key, Shape& shape) {
  if (shape.loaded || !shape.usable) return shape.loaded;
  auto loaded = store_.load(key, shape.example->machine.memory_mib);
  if (!loaded) {
    say_(loaded.error().message());
    shape.usable = false;
    return nullptr;
  }
  return shape.loaded = *std::move(loaded);
}

std::shared_ptr<const Template> RunTemplates::take(const PlannedTrial& trial) {
  const std::scoped_lock lock(mutex_);
  const auto key = keys_.find(&trial);
  return key == keys_.end() ? nullptr : load(key->second, shapes_[key->second]);
}

void RunTemplates::done_with(const PlannedTrial& trial) {
  const std::scoped_lock lock(mutex_);
  const auto key = keys_.find(&trial);
  if (key == keys_.end()) return;
  Shape& shape = shapes_[key->second];
  if (--shape.trials == 0) shape.loaded.reset();
}

}  // namespace crashpath
