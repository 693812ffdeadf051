#include <fmt/format.h>

#include "crashpaths/checks/guest_facts.h"
#include "crashpaths/checks/vmcore_checks.h"
#include "harness/evidence/core_headers.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/ranges.h"

namespace crashpath {
namespace {

/// kexec-tools gives a pseries dump a segment for RTAS even where it lies inside of the reservation
/// (kexec/arch/ppc64/crashdump-ppc64.c), because crash(8) reads its error log there.
Result<std::vector<Range>> allowed_in_addition(const Evidence& evidence, const CoreHeaders& headers) {
  std::vector<Range> allowed;
  if (CP_TRY(evidence.architecture()) != "pseries") return allowed;
  const auto base = CP_TRY(rtas_base(evidence));
  const std::vector<Range> reserved = normalized(CP_TRY(reservation(evidence)));
  for (const LoadSegment& segment : headers.segments) {
    const bool is_rtas = base && contains({segment.physical}, *base);
    if (is_rtas && subtract({segment.physical}, reserved).empty()) allowed.push_back(segment.physical);
  }
  return allowed;
}

/// A segment as its header has it: where it is nonsense, so that the nonsense is seen.
std::string describe(const LoadSegment& segment) {
  return fmt::format("physical {:#x}, {:#x} bytes, virtual {:#x}", segment.physical.begin,
                     segment.memory_size, segment.virtual_address);
}

Result<CheckResult> segments(const Evidence& evidence, const CheckParameters&) {
  const CoreHeaders& headers = *CP_TRY(evidence.vmcore_headers());
  const std::vector<Range> ram =
      subtract(CP_TRY(system_ram(evidence, Kernel::first)), CP_TRY(reservation(evidence)));
  const std::vector<Range> allowed = CP_TRY(allowed_in_addition(evidence, headers));
  std::vector<Range> all;
  for (const LoadSegment& segment : headers.segments) all.push_back(segment.physical);

  const std::string expected = fmt::format(
      "PT_LOADs cover the first kernel's System RAM without its reservation and nothing else: {} in {}",
      human_size(total_size(ram)), to_string(ram));
  std::string wrong;
  const std::vector<Range> missing = subtract(ram, all);
  if (!missing.empty())
    wrong += fmt::format("missing are {} of RAM: {}", human_size(total_size(missing)), to_string(missing));
  for (const LoadSegment& segment : headers.segments) {
    if (subtract(subtract({segment.physical}, ram), allowed).empty()) continue;
    wrong += fmt::format("{}outside of RAM is the one at {}", wrong.empty() ? "" : "; ", describe(segment));
  }
  const std::string count = fmt::format("{} PT_LOADs", headers.segments.size());
  if (!wrong.empty())
    return CheckResult::fail(expected, fmt::format("{}: {}", count, wrong), evidence_file::kAgent);
  std::string got = fmt::format("{} cover exactly that", count);
  if (!allowed.empty())
    got += fmt::format(", besides RTAS at {}, inside of the reservation", to_string(allowed));
  return CheckResult::pass(expected, got, evidence_file::kAgent);
}

}  // namespace

Check vmcore_segments_check() {
  return {"vmcore.segments",
          "Every PT_LOAD of /proc/vmcore agrees with the first kernel's /proc/iomem",
          {},
          segments};
}

}  // namespace crashpath
