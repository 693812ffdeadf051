#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crashpaths/checks/guest_facts.h"
#include "crashpaths/checks/vpa_checks.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/memory_owners.h"
#include "harness/evidence/ranges.h"

namespace crashpath {

Result<AreasOfCpus> areas_at(const Evidence& evidence, Moment moment) {
  return registered_areas(*CP_TRY(evidence.device_state(moment)));
}

Result<std::string> no_vpas_because(const Evidence& evidence, const std::vector<Moment>& moments) {
  const std::string architecture = CP_TRY(evidence.architecture());
  if (architecture != "pseries") return fmt::format("{} has no VPAs", architecture);
  std::vector<std::string> files;
  for (const Moment moment : moments) files.push_back(evidence_file::device_state(moment));
  return not_recorded(evidence, files);
}

Result<bool> is_plain_kexec(const Evidence& evidence) {
  const boost::json::value* trigger = CP_TRY(evidence.trial())->if_contains("trigger");
  if (trigger == nullptr || !trigger->is_object()) return false;
  const boost::json::value* kind = trigger->get_object().if_contains("kind");
  return kind != nullptr && kind->is_string() && kind->get_string() == "kexec";
}

Result<std::vector<Range>> second_kernels_memory(const Evidence& evidence) {
  if (CP_TRY(is_plain_kexec(evidence))) return system_ram(evidence, Kernel::second);
  std::vector<Range> memory = CP_TRY(reservation(evidence));
  if (memory.empty()) return Error::guest("the first kernel shows no reservation for a crash kernel");
  memory.push_back({0, kBackupSize});
  return normalized(std::move(memory));
}

bool is_second_kernels(const AreasOfCpus& armed, std::uint64_t cpu, const Range& vpa,
                       const std::vector<Range>& second) {
  const auto before = armed.find(cpu);
  if (before != armed.end() && before->second.vpa == vpa) return false;
  return contains(second, vpa.begin) && contains(second, vpa.end - 1);
}

std::string misplaced(const Range& vpa) {
  constexpr std::uint64_t kBoundary = 4096;
  if (vpa.begin / kBoundary != (vpa.end - 1) / kBoundary) return "crosses a 4 KiB boundary";
  if (vpa.begin % kVpaSize != 0) return fmt::format("is not at a multiple of {:#x}", kVpaSize);
  return "";
}

std::string cpu_list(const std::vector<std::uint64_t>& cpus) {
  return fmt::format("CPU {}", fmt::join(cpus, ", "));
}

}  // namespace crashpath
