#include "crashpaths/checks/checks.h"

#include "crashpaths/checks/vmcore_checks.h"
#include "crashpaths/checks/vpa_checks.h"

namespace crashpath {

void register_vmcore_checks(CheckRegistry& registry) {
  registry.add(vmcore_format_check());
  registry.add(vmcore_segments_check());
  registry.add(vmcore_vmcoreinfo_check());
  registry.add(vmcore_dmesg_check());
  registry.add(vmcore_crash_cpu_check());
  registry.add(vmcore_prstatus_check());
  registry.add(vmcore_pages_match_memory_check());
}

void register_vpa_checks(CheckRegistry& registry) {
  registry.add(vpa_policy_check());
  registry.add(vpa_placement_check());
  registry.add(vpa_second_kernel_check());
  registry.add(vpa_lppaca_check());
  registry.add(vpa_only_yield_count_check());
  registry.add(vpa_complaints_check());
}

void register_crashpath_checks(CheckRegistry& registry) {
  register_second_kernel_checks(registry);
  register_kernel_checks(registry);
  register_vmcore_checks(registry);
  register_memory_checks(registry);
  register_vpa_checks(registry);
  register_rtas_checks(registry);
  register_workarea_checks(registry);
}

}  // namespace crashpath
