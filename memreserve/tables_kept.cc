#include "memreserve/tables_kept.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace crashpath {
namespace {

struct Account {
  std::vector<std::string> problems;
  std::vector<std::string> seen;  ///< files that showed what is in tables
  std::size_t tables = 0;         ///< that were looked into, of the file that showed most
  std::size_t held = 0;           ///< whose struct page was read, likewise
  std::set<std::string> lacking;  ///< why something was not seen
  std::string evidence;           ///< of the first problem
};

void look_at(const TableMemory& table, const std::string& file, std::size_t& held, Account& account) {
  const auto problem = [&](std::string words) {
    account.problems.push_back(fmt::format("{}: the {} table at {:#x} {}", file,
                                           table.kind == LpiTable::property ? "property" : "pending",
                                           table.address, words));
    if (account.evidence.empty()) account.evidence = file;
  };
  if (!table.references)
    account.lacking.insert(table.references.error().message());
  else if (*table.references == 0)
    problem("is free: its struct page has no reference");
  else
    ++held;
  if (!table.overwritten->empty()) problem(fmt::format("has {}", *table.overwritten));
}

void look_at(const From<std::vector<TableMemory>>& from, Account& account) {
  if (!from.value) {
    account.lacking.insert(fmt::format("{}: {}", from.file, from.value.error().message()));
    return;
  }
  std::size_t tables = 0, held = 0;
  for (const TableMemory& table : *from.value) {
    if (!table.overwritten) {
      account.lacking.insert(fmt::format("{}: {}", from.file, table.overwritten.error().message()));
      continue;
    }
    ++tables;
    look_at(table, from.file, held, account);
  }
  if (tables > 0) account.seen.push_back(from.file);
  account.tables = std::max(account.tables, tables);
  account.held = std::max(account.held, held);
}

}  // namespace

Result<CheckResult> judge_tables_kept(const Witnesses& witnesses) {
  const std::string expected = "the kernel holds every LPI table, and only itself and the GIC wrote to it";
  Account account;
  for (const auto& from : witnesses.tables) look_at(from, account);
  const auto lacking = fmt::format("{}", fmt::join(account.lacking, "; "));
  if (account.seen.empty())
    return Error(Fault::lacks,
                 fmt::format("no LPI table can be looked at: {}",
                             lacking.empty() ? "there is neither a dump nor saved memory" : lacking));
  if (!account.problems.empty())
    return CheckResult::fail(expected, fmt::format("{}", fmt::join(account.problems, "; ")),
                             account.evidence);
  std::string found =
      fmt::format("{} tables as they should be in {}", account.tables, fmt::join(account.seen, " and "));
  if (account.held > 0) found += fmt::format(", {} of them held", account.held);
  if (!lacking.empty()) found += fmt::format("; not seen: {}", lacking);
  return CheckResult::pass(expected, std::move(found), account.seen.front());
}

}  // namespace crashpath
