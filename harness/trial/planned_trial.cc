#include "harness/trial/planned_trial.h"

namespace crashpath {

boost::json::object identity_to_json(const PlannedTrial& trial) {
  const GuestImage& image = *trial.image;
  const MachineConfig& machine = trial.machine;
  return {{"id", trial.id},
          {"scenario", trial.scenario->name},
          {"arch", image.architecture->name},
          {"repetition", trial.repetition},
          {"kernel",
           {{"release", image.kernel_release},
            {"package", image.kernel_package},
            {"version", image.kernel_version},
            {"flavour", image.kernel_flavour},
            {"spec", image.kernel_spec}}},
          {"machine",
           {{"backend", trial.machine_kind.name()},
            {"cpus", machine.cpus},
            {"memory_mib", machine.memory_mib},
            {"cpu_model", machine.cpu_model},
            {"tcg_thread", machine.tcg_thread},
            {"gic_version", machine.gic_version},
            {"its", machine.its},
            {"ic_mode", machine.ic_mode},
            {"firmware", machine.firmware},
            {"acpi", machine.acpi}}}};
}

}  // namespace crashpath
