// vmcore.pages-match-memory: the pages of the dump against the guest's memory as the host saw it.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "crashpaths/checks/guest_facts.h"
#include "crashpaths/checks/vmcore_checks.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/page_hashes.h"
#include "harness/evidence/ranges.h"
#include "harness/evidence/vmcore.h"

namespace crashpath {
namespace {

using Page = std::span<const std::byte>;  ///< kHashedPageSize bytes

/// What the dump and the memory were found to be.
struct Comparison {
  std::uint64_t compared = 0, equal = 0, in_backup = 0;
  std::map<std::string, std::vector<Range>> excluded;  ///< differ, by the reason why they may
  std::vector<Range> different;                        ///< addresses
  std::vector<std::string> unreadable;                 ///< pages of the dump, with the error
};

class Comparer {
 public:
  static Result<Comparer> make(const Evidence& evidence) {
    Comparer comparer;
    comparer.vmcore_ = CP_TRY(evidence.vmcore());
    comparer.hashes_ = CP_TRY(evidence.page_hashes(Moment::captured));
    comparer.pseries_ = CP_TRY(evidence.architecture()) == "pseries";
    comparer.reserved_ = normalized(CP_TRY(reservation(evidence)));
    if (!comparer.pseries_) comparer.lpi_tables_ = CP_TRY(lpi_tables(evidence));
    if (comparer.vmcore_->page_size() % kHashedPageSize != 0 || comparer.vmcore_->page_size() > (1 << 20))
      return Error::guest(fmt::format("the dump has pages of {} bytes", comparer.vmcore_->page_size()));
    if (comparer.pseries_) comparer.backup_ = comparer.find_backup();
    return comparer;
  }

  Comparison compare() const {
    Comparison result;
    std::vector<std::byte> page(vmcore_->page_size());
    for (auto pfn = vmcore_->next_page(0); pfn; pfn = vmcore_->next_page(*pfn + 1)) {
      const std::uint64_t address = *pfn * page.size();
      if (const auto read = vmcore_->read(address, page); !read) {
        result.unreadable.push_back(read.error().message());
        continue;
      }
      for (std::size_t at = 0; at < page.size(); at += kHashedPageSize)
        compare_page(address + at, Page(page).subspan(at, kHashedPageSize), result);
    }
    return result;
  }

  std::optional<std::uint64_t> backup() const { return backup_; }

 private:
  bool is_hash_of(std::uint64_t address, std::uint64_t hash) const {
    const std::uint64_t* known = hashes_->find(address);
    return known != nullptr && *known == hash;
  }

  void compare_page(std::uint64_t address, Page page, Comparison& result) const {
    ++result.compared;
    const std::uint64_t hash = hash_page(page);
    if (is_hash_of(address, hash)) {
      ++result.equal;
    } else if (backup_ && address < kBackupSize && is_hash_of(*backup_ + address, hash)) {
      ++result.equal;
      ++result.in_backup;
    } else if (const std::string reason = reason_to_differ(address, page); !reason.empty()) {
      result.excluded[reason].push_back({address, address + kHashedPageSize});
    } else {
      result.different.push_back({address, address + kHashedPageSize});
    }
  }

  /// Why somebody else than the first kernel may have written to this page since; empty for no reason.
  std::string reason_to_differ(std::uint64_t address, Page page) const {
    if (contains(reserved_, address)) return "inside of the reservation: the second kernel's own";
    if (contains(lpi_tables_, address)) return "LPI table: the GIC's";
    if (pseries_ && holds_vpa(page)) return "VPA: the hypervisor's";
    return "";
  }

  /// Where in the reservation the whole backup of the first 64 KiB is, told by what it holds.
  std::optional<std::uint64_t> find_backup() const {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> wanted;  // address, hash
    std::vector<std::byte> page(kHashedPageSize);
    for (std::uint64_t address = 0; address < kBackupSize; address += kHashedPageSize) {
      if (vmcore_->has_page(address / vmcore_->page_size()) && vmcore_->read(address, page))
        wanted.emplace_back(address, hash_page(page));
    }
    if (wanted.empty()) return std::nullopt;
    for (const Range& range : reserved_) {
      for (std::uint64_t base = range.begin; base + kBackupSize <= range.end; base += kHashedPageSize) {
        if (std::all_of(wanted.begin(), wanted.end(),
                        [&](const auto& one) { return is_hash_of(base + one.first, one.second); }))
          return base;
      }
    }
    return std::nullopt;
  }

  const Vmcore* vmcore_ = nullptr;
  const PageHashes* hashes_ = nullptr;
  bool pseries_ = false;
  std::vector<Range> reserved_, lpi_tables_;
  std::optional<std::uint64_t> backup_;
};

std::string describe(const Comparison& comparison, std::optional<std::uint64_t> backup) {
  std::string text =
      fmt::format("{} pages of 4 KiB compared: {} equal", comparison.compared, comparison.equal);
  if (comparison.in_backup > 0)
    text += fmt::format(" ({} of them with the backup of the first 64 KiB at {:#x})", comparison.in_backup,
                        backup.value_or(0));
  for (const auto& [reason, pages] : comparison.excluded)
    text += fmt::format(", {} excluded ({}; {})", pages.size(), reason, to_string(normalized(pages), 4));
  text += fmt::format(", {} different", comparison.different.size());
  if (!comparison.different.empty())
    text += fmt::format(" (first at {})", to_string(normalized(comparison.different), 4));
  if (!comparison.unreadable.empty())
    text += fmt::format(", {} that the dump has in its map but cannot be read ({})",
                        comparison.unreadable.size(), comparison.unreadable.front());
  return text;
}

Result<CheckResult> pages_match_memory(const Evidence& evidence, const CheckParameters&) {
  const std::string hashes = evidence_file::page_hashes(Moment::captured);
  if (const std::string reason = CP_TRY(not_recorded(evidence, {hashes})); !reason.empty())
    return CheckResult::skip(reason);
  const Comparer comparer = CP_TRY(Comparer::make(evidence));
  const Comparison comparison = comparer.compare();
  const std::string expected =
      "every page of the dump is what the host sees in the guest's memory, save those that others write to";
  const std::string got = describe(comparison, comparer.backup());
  const std::string files = fmt::format("{}, {}", CP_TRY(evidence.vmcore_file()), hashes);
  const bool good = comparison.equal > 0 && comparison.different.empty() && comparison.unreadable.empty();
  return good ? CheckResult::pass(expected, got, files) : CheckResult::fail(expected, got, files);
}

}  // namespace

Check vmcore_pages_match_memory_check() {
  return {"vmcore.pages-match-memory",
          "Every page of the dump is the page that the host sees in the guest's memory",
          {},
          pages_match_memory};
}

}  // namespace crashpath
