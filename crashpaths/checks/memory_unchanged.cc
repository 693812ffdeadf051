// memory.unchanged-outside: nobody writes to the crashed kernel's memory but those who may.

#include <fmt/format.h>

#include <charconv>

#include "crashpaths/checks/checks.h"
#include "crashpaths/checks/guest_facts.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/memory_changes.h"
#include "harness/evidence/page_hashes.h"
#include "harness/evidence/ranges.h"

namespace crashpath {
namespace {

Result<Moment> moment_parameter(const CheckParameters& parameters, std::string_view name, Moment otherwise) {
  const auto text = parameter<std::string>(parameters, name);
  if (!text) return otherwise;
  const auto moment = parse_moment(*text);
  if (!moment) return Error::usage(fmt::format("{} = \"{}\" is no moment of a trial", name, *text));
  return *moment;
}

/// "0x60000000-0x60000fff", as iomem and the check's own words have it.
Result<Range> parse_range(std::string_view text) {
  Range range;
  const auto hex = [&text](std::uint64_t& number) {
    if (text.starts_with("0x")) text.remove_prefix(2);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return error == std::errc();
  };
  const std::string whole(text);
  const bool first = hex(range.begin) && text.starts_with('-');
  if (first) text.remove_prefix(1);
  if (!first || !hex(range.end) || !text.empty() || range.end < range.begin || range.end == UINT64_MAX)
    return Error::usage(fmt::format("allowed: \"{}\" is no range of addresses", whole));
  ++range.end;
  return range;
}

Result<std::vector<MemoryOwner>> owners_with_allowed(const Evidence& evidence,
                                                     const CheckParameters& parameters, Moment from) {
  std::vector<MemoryOwner> owners = CP_TRY(memory_owners(evidence, from));
  std::vector<Range> allowed;
  for (const std::string& text :
       parameter<std::vector<std::string>>(parameters, "allowed").value_or(std::vector<std::string>()))
    allowed.push_back(CP_TRY(parse_range(text)));
  if (!allowed.empty()) owners.push_back({"allowed by the scenario", normalized(std::move(allowed))});
  return owners;
}

std::string describe(const MemoryChanges& changes, const std::vector<MemoryOwner>& owners,
                     const std::vector<IomemEntry>& iomem) {
  std::string text = fmt::format("pages of 4 KiB: {} equal", changes.equal);
  for (std::size_t i = 0; i < owners.size(); ++i)
    if (const auto& pages = changes.owned[i]; !pages.empty())
      text +=
          fmt::format(", {} changed ({}; {})", pages.size(), owners[i].name, to_string(normalized(pages), 2));
  text += fmt::format(", {} changed that nobody may write to", changes.unowned.size());
  if (changes.unowned.empty()) return text;
  const std::vector<Range> ranges = normalized(changes.unowned);
  return text + fmt::format(": {}; the first is in {}", to_string(ranges, 8),
                            place_in_iomem(iomem, ranges.front().begin));
}

Result<CheckResult> unchanged_outside(const Evidence& evidence, const CheckParameters& parameters) {
  const Moment from = CP_TRY(moment_parameter(parameters, "from", Moment::crash));
  const Moment to = CP_TRY(moment_parameter(parameters, "to", Moment::captured));
  const std::vector<std::string> files = {evidence_file::page_hashes(from), evidence_file::page_hashes(to)};
  // Without the devices of that moment nobody knows where the hypervisor itself may write.
  const std::string reason =
      CP_TRY(not_recorded(evidence, {files[0], files[1], evidence_file::device_state(from)}));
  if (!reason.empty()) return CheckResult::skip(reason);

  const PageHashes& before = *CP_TRY(evidence.page_hashes(from));
  const PageHashes& after = *CP_TRY(evidence.page_hashes(to));
  const auto owners = CP_TRY(owners_with_allowed(evidence, parameters, from));
  const auto iomem = CP_TRY(parse_iomem(CP_TRY(evidence.guest_file(Kernel::first, "/proc/iomem"))));
  const MemoryChanges changes = CP_TRY(find_memory_changes(before, after, owners));
  const std::string expected = fmt::format(
      "from \"{}\" to \"{}\" no page of the crashed kernel changes, save those that others write to",
      to_string(from), to_string(to));
  const std::string got = describe(changes, owners, iomem);
  const std::string shown_by = fmt::format("{}, {}", files[0], files[1]);
  const bool good = changes.equal > 0 && changes.unowned.empty();
  return good ? CheckResult::pass(expected, got, shown_by) : CheckResult::fail(expected, got, shown_by);
}

}  // namespace

void register_memory_checks(CheckRegistry& registry) {
  registry.add(
      {"memory.unchanged-outside",
       "Between two moments no page of the crashed kernel changes but those that others may write to",
       {{.name = "from", .help = "the earlier moment; crash", .example = std::string("crash")},
        {.name = "to", .help = "the later moment; captured", .example = std::string("captured")},
        {.name = "allowed",
         .help = "more addresses that may change",
         .example = std::vector<std::string>{"0x60000000-0x60000fff"}}},
       unchanged_outside});
}

}  // namespace crashpath
