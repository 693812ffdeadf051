// vpa.lppaca and vpa.only-yield-count: what stands in the first kernel's VPAs, and who changes it after the
// crash.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/endian/conversion.hpp>

#include <optional>

#include "crashpaths/checks/guest_facts.h"
#include "crashpaths/checks/vpa_checks.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/page_hashes.h"
#include "harness/evidence/vmcore.h"

namespace crashpath {
namespace {

Result<CheckResult> lppaca(const Evidence& evidence, const CheckParameters&) {
  const std::string reason = CP_TRY(no_vpas_because(evidence, {Moment::armed}));
  if (!reason.empty()) return CheckResult::skip(reason);
  const Vmcore& vmcore = *CP_TRY(evidence.vmcore());
  std::vector<std::string> seen, faults;
  for (const auto& [cpu, areas] : CP_TRY(areas_at(evidence, Moment::armed))) {
    if (!areas.vpa) continue;
    std::vector<std::byte> bytes(Lppaca::kSize);
    CP_TRY(vmcore.read(areas.vpa->begin, bytes));
    const Lppaca found = CP_TRY(Lppaca::parse(bytes));
    const std::string where = fmt::format("CPU {} at {:#x}", cpu, areas.vpa->begin);
    if (const std::string wrong = found.fault(); !wrong.empty()) {
      faults.push_back(fmt::format("{}: {}", where, wrong));
      continue;
    }
    seen.push_back(fmt::format("{}: size {:#x}, yield_count {}, dtl_enable_mask {:#x}, dtl_idx {}", where,
                               found.size, found.yield_count, found.dtl_enable_mask, found.dtl_idx));
  }
  if (seen.empty() && faults.empty()) faults.emplace_back("no CPU had a VPA");
  const std::string expected =
      "where a VPA was registered the dump has a struct lppaca that the hypervisor took";
  const std::string files =
      fmt::format("{}, {}", CP_TRY(evidence.vmcore_file()), evidence_file::device_state(Moment::armed));
  if (!faults.empty()) return CheckResult::fail(expected, fmt::format("{}", fmt::join(faults, "; ")), files);
  return CheckResult::pass(expected, fmt::format("{}", fmt::join(seen, "; ")), files);
}

/// A page of 4 KiB, as the dump has it, with VPAs that the crashed kernel left registered.
struct VpaPage {
  std::vector<std::size_t> counts;  ///< where in it each VPA's yield_count is
  std::vector<std::byte> bytes;
};

std::uint32_t load_count(const VpaPage& page) {
  return boost::endian::endian_load<std::uint32_t, 4, boost::endian::order::big>(
      reinterpret_cast<const unsigned char*>(&page.bytes[page.counts.front()]));
}

bool has_hash_with_count(VpaPage& page, std::uint32_t count, std::uint64_t hash) {
  boost::endian::endian_store<std::uint32_t, 4, boost::endian::order::big>(
      reinterpret_cast<unsigned char*>(&page.bytes[page.counts.front()]), count);
  return hash_page(page.bytes) == hash;
}

/// Further away from 0 and from the dump's own count than this no count is looked for: some seconds for a
/// page that was changed otherwise. A CPU that runs counts some hundred times a second; one that the crash
/// path parked, emulated, some hundred thousand times, for a second or so until the moment "crash".
constexpr std::uint32_t kCounts = 1 << 24;

/// The yield_count with which the page of the dump has this hash, and nothing else in it is changed.
std::optional<std::uint32_t> count_with_hash(VpaPage page, std::uint64_t hash) {
  const std::uint32_t now = load_count(page);
  for (std::uint32_t i = 0; i <= now && i < kCounts; ++i)
    for (const std::uint32_t count : {i, now - i})
      if (has_hash_with_count(page, count, hash)) return count;
  return std::nullopt;
}

/// The pages with VPAs that the crashed kernel left registered, by their addresses, without their content.
Result<std::map<std::uint64_t, VpaPage>> vpa_pages(const Evidence& evidence) {
  const AreasOfCpus armed = CP_TRY(areas_at(evidence, Moment::armed));
  std::map<std::uint64_t, VpaPage> pages;
  for (const auto& [cpu, areas] : CP_TRY(areas_at(evidence, Moment::crash))) {
    const auto before = armed.find(cpu);
    if (!areas.vpa || before == armed.end() || before->second.vpa != areas.vpa) continue;
    const std::uint64_t inside = areas.vpa->begin % kHashedPageSize;
    if (inside + kVpaSize > kHashedPageSize)
      return Error::guest(fmt::format("CPU {}'s VPA {}", cpu, misplaced(*areas.vpa)));
    VpaPage& page = pages[areas.vpa->begin - inside];
    page.counts.push_back(inside + Lppaca::kYieldCount);
    page.bytes.resize(kHashedPageSize);
  }
  return pages;
}

struct Counting {
  std::vector<std::string> equal, counted, unexplained, not_judged;
};

Result<Counting> judge_pages(const std::map<std::uint64_t, VpaPage>& pages, const PageHashes& crash) {
  Counting found;
  for (const auto& [address, page] : pages) {
    const std::uint64_t* hash = crash.find(address);
    if (hash == nullptr) return Error::guest(fmt::format("there was no memory at {:#x}", address));
    const std::string where = fmt::format("{:#x}", address);
    if (hash_page(page.bytes) == *hash)
      found.equal.push_back(where);
    else if (page.counts.size() > 1)
      found.not_judged.push_back(where);
    else if (const auto count = count_with_hash(page, *hash))
      found.counted.push_back(fmt::format("{} from {} to {}", where, *count, load_count(page)));
    else
      found.unexplained.push_back(where);
  }
  return found;
}

std::string describe(const Counting& found) {
  std::string text;
  const auto add = [&text](const std::vector<std::string>& pages, std::string_view what) {
    if (!pages.empty())
      text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", what, fmt::join(pages, ", "));
  };
  add(found.counted, "counted on");
  add(found.equal, "equal");
  add(found.not_judged, "several VPAs in one page, not judged");
  add(found.unexplained, fmt::format("changed otherwise, or counted more than {} times", kCounts));
  return text;
}

Result<CheckResult> only_yield_count(const Evidence& evidence, const CheckParameters&) {
  std::string reason = CP_TRY(no_vpas_because(evidence, {Moment::armed, Moment::crash}));
  const std::string hashes = evidence_file::page_hashes(Moment::crash);
  if (reason.empty()) reason = CP_TRY(not_recorded(evidence, {hashes}));
  if (!reason.empty()) return CheckResult::skip(reason);
  auto pages = CP_TRY(vpa_pages(evidence));
  if (pages.empty()) return CheckResult::skip("the first kernel left no VPA registered");
  const Vmcore& vmcore = *CP_TRY(evidence.vmcore());
  for (auto& [address, page] : pages) CP_TRY(vmcore.read(address, page.bytes));
  const Counting found = CP_TRY(judge_pages(pages, *CP_TRY(evidence.page_hashes(Moment::crash))));
  const std::string expected =
      "in a page with a VPA that is left registered nothing changes between the crash and the dump but its "
      "yield_count";
  const std::string files = fmt::format("{}, {}", CP_TRY(evidence.vmcore_file()), hashes);
  if (!found.unexplained.empty()) return CheckResult::fail(expected, describe(found), files);
  if (found.equal.empty() && found.counted.empty()) return CheckResult::skip(describe(found));
  return CheckResult::pass(expected, describe(found), files);
}

}  // namespace

Check vpa_lppaca_check() {
  return {"vpa.lppaca", "The dump has each CPU's lppaca where the hypervisor had its VPA", {}, lppaca};
}

Check vpa_only_yield_count_check() {
  return {"vpa.only-yield-count",
          "In the pages of VPAs that are left registered only the hypervisor's yield_count changes",
          {},
          only_yield_count};
}

}  // namespace crashpath
