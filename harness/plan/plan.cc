#include "harness/plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "harness/base/file.h"
#include "harness/plan/kernel_config.h"
#include "harness/trial/triggers.h"

namespace crashpath {
namespace {

/// A CPU model with a 16K granule, which the default one lacks. Pointer authentication in QEMU's own way: the
/// architected QARMA5 is slow to emulate.
constexpr std::string_view kCpuWith16kPages = "max,pauth-impdef=on";

std::string path_safe(std::string_view text) {
  std::string safe(text);
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '_' || c == '+' || c == '-';
  };
  std::replace_if(
      safe.begin(), safe.end(), [&](char c) { return !allowed(c); }, '_');
  return safe;
}

/// How ids call an image: as the user asked for it, unless that is a path or stands for several kernels.
class ImageLabels {
 public:
  explicit ImageLabels(const std::vector<PlanRequest>& requests) {
    for (const auto& request : requests)
      for (const auto* image : request.images) add(*image);
  }
  const std::string& operator[](const GuestImage& image) const { return labels_.at(&image); }

 private:
  void add(const GuestImage& image) {
    if (labels_.contains(&image)) return;
    const auto& spec = image.kernel_spec;
    const bool speaking = !spec.empty() && spec.find('/') == std::string::npos;
    std::string label =
        fmt::format("{}-{}", image.architecture->name, path_safe(speaking ? spec : image.kernel_release));
    if (taken(label)) label = fmt::format("{}-{}", image.architecture->name, path_safe(image.kernel_release));
    const std::string release = label;
    for (int other = 2; taken(label); ++other) label = fmt::format("{}_{}", release, other);
    labels_[&image] = label;
  }
  bool taken(const std::string& label) const {
    return std::any_of(labels_.begin(), labels_.end(),
                       [&](const auto& entry) { return entry.second == label; });
  }
  std::map<const GuestImage*, std::string> labels_;
};

template <class T>
void change_to(T& member, const std::optional<T>& wanted) {
  if (wanted) member = *wanted;
}

void apply(const ScenarioMachine& change, MachineConfig& machine) {
  change_to(machine.cpus, change.cpus);
  change_to(machine.memory_mib, change.memory_mib);
  change_to(machine.cpu_model, change.cpu_model);
  change_to(machine.tcg_thread, change.tcg_thread);
  if (machine.architecture->name == "arm64") {
    change_to(machine.gic_version, change.gic_version);
    change_to(machine.its, change.its);
    change_to(machine.firmware, change.firmware);
    change_to(machine.acpi, change.acpi);
  }
  if (machine.architecture->name == "pseries") change_to(machine.ic_mode, change.ic_mode);
}

MachineConfig default_machine(const GuestImage& image, std::string_view config) {
  MachineConfig machine;
  machine.architecture = image.architecture;
  const bool arm64 = image.architecture->name == "arm64";
  if (arm64)
    machine.gic_version = "3";
  else
    machine.its = machine.firmware = machine.acpi = false;
  if (image.architecture->name == "pseries") machine.ic_mode = "xive";
  const bool pages_16k = config.empty() ? image.kernel_flavour.find("16k") != std::string::npos
                                        : kernel_has_option(config, "CONFIG_ARM64_16K_PAGES");
  machine.cpu_model = pages_16k ? kCpuWith16kPages : image.architecture->default_cpu;
  machine.kernel = image.kernel;
  return machine;
}

/// panic=-1: a panic that starts no crash kernel ends the machine at once instead of hanging until a
/// deadline.
std::string command_line(const Scenario& scenario, const Architecture& architecture) {
  std::string line = fmt::format("console={} panic=-1", architecture.console);
  const auto add = [&](std::string_view more) {
    if (!more.empty()) line += fmt::format(" {}", more);
  };
  const std::string crashkernel = scenario.kernel.crashkernel.value_or(std::string(architecture.crashkernel));
  if (!crashkernel.empty()) add("crashkernel=" + crashkernel);
  add(scenario.kernel.append);
  return line;
}

}  // namespace

MachineConfig make_machine_config(const Scenario& scenario, const GuestImage& image,
                                  const ScenarioMachine& change, std::string_view config) {
  MachineConfig machine = default_machine(image, config);
  apply(change, machine);
  apply(scenario.machine, machine);
  machine.initramfs = scenario.capture.initramfs == "without-init" ? image.initramfs_broken : image.initramfs;
  machine.append = command_line(scenario, *image.architecture);
  machine.trace_events = scenario.record.trace;
  return machine;
}

Result<std::vector<PlannedTrial>> make_plan(const std::vector<PlanRequest>& requests) {
  const ImageLabels labels(requests);
  std::vector<PlannedTrial> plan;
  std::map<std::string, int> repetitions;  // of everything in an id but its number
  for (const auto& request : requests)
    for (const auto* image : request.images) {
      const std::string config = image->config.empty() ? "" : CP_TRY(read_file(image->config));
      for (const auto& machine : request.machines)
        for (const auto* scenario : request.scenarios) {
          if (!scenario->supports(*image->architecture)) continue;
          PlannedTrial trial;
          trial.scenario = scenario;
          trial.image = image;
          trial.machine = make_machine_config(*scenario, *image, machine.change, config);
          trial.skip_reason = lacking(*scenario, *image, trial.machine, config);
          const std::string name = fmt::format("{}-{}{}{}", labels[*image], path_safe(machine.name),
                                               machine.name.empty() ? "" : "-", scenario->name);
          for (int i = 0; i < request.repeat; ++i) {
            trial.repetition = ++repetitions[name];
            trial.id = fmt::format("{}-{}", name, trial.repetition);
            plan.push_back(trial);
          }
        }
    }
  return plan;
}

Result<std::vector<PlannedTrial>> make_plan(const std::vector<const Scenario*>& scenarios,
                                            const std::vector<GuestImage>& images, int repeat) {
  PlanRequest request{.scenarios = scenarios, .images = {}, .repeat = repeat};
  for (const auto& image : images) request.images.push_back(&image);
  return make_plan(std::vector{std::move(request)});
}

std::vector<PlannedTrial> on_machines(const std::vector<PlannedTrial>& trials,
                                      const std::vector<MachineKind>& machine_kinds) {
  std::vector<PlannedTrial> all;
  for (const MachineKind& kind : machine_kinds) {
    auto these = trials;
    assign_machine(these, kind, kind.capabilities());
    for (PlannedTrial& trial : these) {
      if (machine_kinds.size() > 1) trial.id = fmt::format("{}-{}", path_safe(kind.name()), trial.id);
      all.push_back(std::move(trial));
    }
  }
  return all;
}

}  // namespace crashpath
