// vpa.policy: whether the crash path leaves the VPAs registered or takes them back.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "crashpaths/checks/guest_facts.h"
#include "crashpaths/checks/vpa_checks.h"
#include "harness/evidence/directory.h"

namespace crashpath {
namespace {

/// What became of the first kernel's VPAs, by the hypervisor.
struct Fate {
  std::vector<std::uint64_t> kept;        ///< still where it was
  std::vector<std::uint64_t> dropped;     ///< not registered any more
  std::vector<std::uint64_t> taken_over;  ///< the second kernel's already, which hides what was before
  std::vector<std::string> strange;       ///< neither kernel has a reason for it
  std::vector<std::uint64_t> without;     ///< had none, and has none

  std::string policy() const {
    if (kept.empty() && dropped.empty()) return "undecided";
    if (!kept.empty() && !dropped.empty()) return "mixed";
    return kept.empty() ? "dropped" : "kept";
  }
};

Fate fate_of_vpas(const AreasOfCpus& armed, const AreasOfCpus& crash, const std::vector<Range>& second) {
  Fate fate;
  for (const auto& [cpu, areas] : armed) {
    const auto now = crash.find(cpu);
    const std::optional<Range> vpa = now == crash.end() ? std::nullopt : now->second.vpa;
    if (!vpa)
      (areas.vpa ? fate.dropped : fate.without).push_back(cpu);
    else if (vpa == areas.vpa)
      fate.kept.push_back(cpu);
    else if (is_second_kernels(armed, cpu, *vpa, second))
      fate.taken_over.push_back(cpu);
    else
      fate.strange.push_back(
          fmt::format("CPU {} has one at {:#x}, which was {}", cpu, vpa->begin,
                      areas.vpa ? fmt::format("at {:#x}", areas.vpa->begin) : "not registered"));
  }
  return fate;
}

std::string describe(const Fate& fate) {
  std::string text = fate.policy();
  const auto add = [&text](const std::vector<std::uint64_t>& cpus, std::string_view what) {
    if (!cpus.empty()) text += fmt::format("; {}: {}", what, cpu_list(cpus));
  };
  add(fate.kept, "left registered");
  add(fate.dropped, "deregistered");
  add(fate.taken_over, "the second kernel's already");
  add(fate.without, "had none");
  if (!fate.strange.empty()) text += fmt::format("; {}", fmt::join(fate.strange, "; "));
  return text;
}

Result<CheckResult> policy(const Evidence& evidence, const CheckParameters& parameters) {
  constexpr std::array<std::string_view, 3> kPolicies = {"kept", "dropped", "any"};
  const std::string wanted = parameter<std::string>(parameters, "policy").value_or("any");
  if (std::find(kPolicies.begin(), kPolicies.end(), wanted) == kPolicies.end())
    return Error::usage(fmt::format("policy = \"{}\" is none of {}", wanted, fmt::join(kPolicies, ", ")));
  const std::string reason = CP_TRY(no_vpas_because(evidence, {Moment::armed, Moment::crash}));
  if (!reason.empty()) return CheckResult::skip(reason);

  const Fate fate =
      fate_of_vpas(CP_TRY(areas_at(evidence, Moment::armed)), CP_TRY(areas_at(evidence, Moment::crash)),
                   CP_TRY(second_kernels_memory(evidence)));
  const std::string observed = fate.policy();
  const bool one_policy = observed == "kept" || observed == "dropped";
  const bool good = one_policy && fate.strange.empty() && (wanted == "any" || wanted == observed);
  const std::string expected = wanted == "any"
                                   ? "the crash path treats the VPAs of all CPUs alike: kept or dropped"
                                   : fmt::format("the VPAs that the first kernel registered are {}", wanted);
  const std::string shown_by = fmt::format("{}, {}", evidence_file::device_state(Moment::armed),
                                           evidence_file::device_state(Moment::crash));
  return good ? CheckResult::pass(expected, describe(fate), shown_by)
              : CheckResult::fail(expected, describe(fate), shown_by);
}

}  // namespace

Check vpa_policy_check() {
  return {"vpa.policy",
          "Whether the crash path leaves the VPAs registered, for all CPUs alike",
          {{.name = "policy", .help = "kept, dropped or any; any", .example = std::string("kept")}},
          policy};
}

}  // namespace crashpath
