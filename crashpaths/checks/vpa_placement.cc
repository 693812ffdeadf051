// vpa.placement and vpa.second-kernel: where the two kernels' VPAs are.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "crashpaths/checks/guest_facts.h"
#include "crashpaths/checks/vpa_checks.h"
#include "harness/evidence/cpu_list.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/ranges.h"

namespace crashpath {
namespace {

struct Area {
  std::uint64_t cpu = 0;
  std::string_view kind;
  Range range;
};

std::string to_string(const Area& area) {
  return fmt::format("CPU {}'s {} {}", area.cpu, area.kind, to_string(area.range));
}

std::vector<Area> all_areas(const AreasOfCpus& cpus) {
  std::vector<Area> all;
  for (const auto& [cpu, areas] : cpus) {
    if (areas.vpa) all.push_back({cpu, "VPA", *areas.vpa});
    if (areas.slb_shadow) all.push_back({cpu, "SLB shadow", *areas.slb_shadow});
    if (areas.dtl) all.push_back({cpu, "dispatch trace log", *areas.dtl});
  }
  return all;
}

/// Areas that share bytes: the hypervisor would write to both at once.
void find_overlaps(const std::vector<Area>& areas, std::vector<std::string>& faults) {
  for (std::size_t i = 0; i < areas.size(); ++i)
    for (std::size_t j = i + 1; j < areas.size(); ++j)
      if (areas[i].range.overlaps(areas[j].range))
        faults.push_back(fmt::format("{} overlaps {}", to_string(areas[i]), to_string(areas[j])));
}

bool is_inside(const Range& range, const std::vector<Range>& of) {
  return std::any_of(of.begin(), of.end(), [&range](const Range& one) { return one.contains(range); });
}

bool touches(const Range& range, const std::vector<Range>& any) {
  return std::any_of(any.begin(), any.end(), [&range](const Range& one) { return one.overlaps(range); });
}

void find_faults(const Area& area, const std::vector<Range>& ram, const std::vector<Range>& reserved,
                 std::vector<std::string>& faults) {
  const auto fault = [&](std::string_view words) {
    faults.push_back(fmt::format("{} {}", to_string(area), words));
  };
  if (const std::string wrong = misplaced(area.range); area.kind == "VPA" && !wrong.empty()) fault(wrong);
  if (!is_inside(area.range, ram)) fault("is not in the first kernel's System RAM");
  if (touches(area.range, reserved)) fault("is in the crash kernel's reservation");
}

Result<CheckResult> placement(const Evidence& evidence, const CheckParameters&) {
  const bool kexec = CP_TRY(is_plain_kexec(evidence));
  const std::vector<Moment> moments =
      kexec ? std::vector{Moment::armed} : std::vector{Moment::armed, Moment::crash};
  const std::string reason = CP_TRY(no_vpas_because(evidence, moments));
  if (!reason.empty()) return CheckResult::skip(reason);
  const auto ram = normalized(CP_TRY(system_ram(evidence, Kernel::first)));
  const auto reserved = CP_TRY(reservation(evidence));
  const auto armed = CP_TRY(areas_at(evidence, Moment::armed));
  std::vector<std::string> faults, seen, files;
  for (const Moment moment : moments) {
    std::vector<Area> areas = all_areas(CP_TRY(areas_at(evidence, moment)));
    if (moment == Moment::crash) {
      // A CPU on which the second kernel has registered its own is vpa.second-kernel's matter.
      const auto second = CP_TRY(second_kernels_memory(evidence));
      std::erase_if(areas, [&](const Area& area) {
        return area.kind == "VPA" && is_second_kernels(armed, area.cpu, area.range, second);
      });
    }
    std::vector<std::string> found;
    if (moment == Moment::armed && areas.empty()) found.emplace_back("no CPU has a VPA");
    find_overlaps(areas, found);
    for (const Area& area : areas) find_faults(area, ram, reserved, found);
    if (!found.empty())
      faults.push_back(fmt::format("at \"{}\": {}", to_string(moment), fmt::join(found, "; ")));
    seen.push_back(fmt::format("{} at \"{}\"", areas.size(), to_string(moment)));
    files.push_back(evidence_file::device_state(moment));
  }
  const std::string expected =
      "what the first kernel registered lies in its own memory, outside of the crash kernel's, and by the "
      "rules "
      "of PAPR";
  const std::string shown_by = fmt::format("{}", fmt::join(files, ", "));
  if (!faults.empty())
    return CheckResult::fail(expected, fmt::format("{}", fmt::join(faults, "; ")), shown_by);
  return CheckResult::pass(expected, fmt::format("areas: {}", fmt::join(seen, ", ")), shown_by);
}

/// What the second kernel has registered, and what is left of the first one's.
struct Registered {
  std::vector<std::string> own, left, faults;
};

Registered judge_second(const AreasOfCpus& armed, const AreasOfCpus& now, const std::vector<Range>& second,
                        bool kexec) {
  Registered found;
  find_overlaps(all_areas(now), found.faults);
  for (const auto& [cpu, areas] : now) {
    if (!areas.vpa) continue;
    const Area area{cpu, "VPA", *areas.vpa};
    const auto before = armed.find(cpu);
    // After a plain kexec the same kernel may well put it where it was.
    const bool left = !kexec && before != armed.end() && before->second.vpa == areas.vpa;
    const std::string wrong = misplaced(*areas.vpa);
    if (!wrong.empty()) found.faults.push_back(fmt::format("{} {}", to_string(area), wrong));
    if (left)
      found.left.push_back(to_string(area));
    else if (is_inside(*areas.vpa, second))
      found.own.push_back(to_string(area));
    else
      found.faults.push_back(to_string(area) + " is not in the second kernel's memory");
  }
  return found;
}

Result<CheckResult> second_kernel(const Evidence& evidence, const CheckParameters&) {
  const std::string reason = CP_TRY(no_vpas_because(evidence, {Moment::armed, Moment::second_kernel}));
  if (!reason.empty()) return CheckResult::skip(reason);
  const bool kexec = CP_TRY(is_plain_kexec(evidence));
  const auto online =
      CP_TRY(parse_cpu_list(CP_TRY(evidence.guest_file(Kernel::second, "/sys/devices/system/cpu/online"))));
  const Registered found = judge_second(CP_TRY(areas_at(evidence, Moment::armed)),
                                        CP_TRY(areas_at(evidence, Moment::second_kernel)),
                                        CP_TRY(second_kernels_memory(evidence)), kexec);
  const std::string expected =
      fmt::format("each of the second kernel's {} CPUs has a VPA in its own memory{}", online.size(),
                  kexec ? ", and no other CPU has one" : "");
  std::string got = fmt::format("{} of its own ({})", found.own.size(), fmt::join(found.own, ", "));
  if (!found.left.empty())
    got += fmt::format("; the first kernel's still are {}", fmt::join(found.left, ", "));
  if (!found.faults.empty()) got += fmt::format("; {}", fmt::join(found.faults, "; "));
  const bool good = !online.empty() && found.own.size() == online.size() && found.faults.empty();
  const std::string shown_by = evidence_file::device_state(Moment::second_kernel);
  return good ? CheckResult::pass(expected, got, shown_by) : CheckResult::fail(expected, got, shown_by);
}

}  // namespace

Check vpa_placement_check() {
  return {"vpa.placement",
          "The first kernel's VPAs lie in its own memory, outside of the crash kernel's reservation",
          {},
          placement};
}

Check vpa_second_kernel_check() {
  return {"vpa.second-kernel",
          "Each CPU of the second kernel has a VPA in that kernel's own memory",
          {},
          second_kernel};
}

}  // namespace crashpath
