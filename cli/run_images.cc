#include "cli/run_images.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/trial/triggers.h"

namespace crashpath {
namespace {

/// An image that stands for one that could not be made, so that its trials are in the report with the reason.
GuestImage missing_image(const KernelSpec& spec, const Architecture& architecture) {
  GuestImage image;
  image.architecture = &architecture;
  image.kernel_release = spec.text;
  image.kernel_spec = spec.text;
  return image;
}

bool is_probe(std::string_view need) {
  return need.starts_with("probe:");
}

/// Scenarios need probes by their own word, or by their trigger's.
bool needs_probes(const Scenario* scenario) {
  if (std::any_of(scenario->needs.begin(), scenario->needs.end(), is_probe)) return true;
  const auto trigger = scenario->trigger ? find_trigger(scenario->trigger->kind) : Result<TriggerKind>();
  return trigger && is_probe(trigger->need);
}

}  // namespace

const GuestImage* RunImages::get(const KernelSpec& spec, const Architecture& architecture, bool probes) {
  const auto [known, is_new] =
      by_request_.emplace(fmt::format("{} {} {}", architecture.name, spec.text, probes), nullptr);
  if (!is_new) return known->second;
  auto made = prepare_image(spec, architecture, probes, archive_options(mirror_));
  images_.push_back(made ? *made : missing_image(spec, architecture));
  known->second = &images_.back();
  if (!made) failed_.emplace(known->second, made.error());
  return known->second;
}

const Error* RunImages::failure(const GuestImage* image) const {
  const auto failed = failed_.find(image);
  return failed == failed_.end() ? nullptr : &failed->second;
}

const Error* RunImages::mistake() const {
  const bool nothing_else = !images_.empty() && failed_.size() == images_.size();
  return nothing_else && failed_.begin()->second.fault() == Fault::usage ? &failed_.begin()->second : nullptr;
}

void RunImages::excuse(std::vector<PlannedTrial>& trials) const {
  for (auto& trial : trials) {
    const Error* error = failure(trial.image);
    if (error == nullptr) continue;
    trial.skip_reason.clear();
    (error->fault() == Fault::usage ? trial.skip_reason : trial.error_reason) = error->message();
  }
}

bool need_probes(const std::vector<const Scenario*>& scenarios) {
  return std::any_of(scenarios.begin(), scenarios.end(), needs_probes);
}

}  // namespace crashpath
