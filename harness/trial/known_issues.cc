#include "harness/trial/known_issues.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <regex>

#include "harness/machine/architecture.h"
#include "harness/trial/toml_table.h"

namespace crashpath {
namespace {

Result<KnownIssue> read_issue(TomlTable& table) {
  KnownIssue issue;
  issue.scenario = CP_TRY(table.required_string("scenario"));
  issue.architecture = CP_TRY(table.string("arch")).value_or("");
  if (!issue.architecture.empty() && find_architecture(issue.architecture) == nullptr)
    return table.error("arch", fmt::format("unknown architecture \"{}\"", issue.architecture));
  issue.kernel = CP_TRY(table.string("kernel")).value_or("*");
  const std::string stage = CP_TRY(table.required_string("stage"));
  const auto parsed = parse_stage(stage);
  if (!parsed) return table.error("stage", fmt::format("unknown stage \"{}\"", stage));
  issue.stage = *parsed;
  issue.words = CP_TRY(table.string("words")).value_or("");
  try {
    std::regex(issue.words, std::regex::ECMAScript);
  } catch (const std::regex_error& error) {
    return table.error("words",
                       fmt::format("\"{}\" is no regular expression: {}", issue.words, error.what()));
  }
  issue.checks = CP_TRY(table.strings("checks")).value_or(std::vector<std::string>());
  issue.sometimes = CP_TRY(table.boolean("sometimes")).value_or(false);
  issue.reason = CP_TRY(table.required_string("reason"));
  issue.link = CP_TRY(table.string("link")).value_or("");
  const auto expires = CP_TRY(table.date("expires"));
  if (!expires) return table.error("expires", "\"expires\" is missing: no failure is excused for ever");
  issue.expires = fmt::format("{:04}-{:02}-{:02}", expires->year, expires->month, expires->day);
  CP_TRY(table.finish());
  return issue;
}

}  // namespace

IsoDate today() {
  return fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::time(nullptr)));
}

Result<KnownIssues> parse_known_issues(std::string_view text, const std::filesystem::path& file,
                                       IsoDate today) {
  const toml::table document = CP_TRY(parse_toml(text, file));
  TomlTable root(document, file);
  KnownIssues known{.issues = {}, .today = std::move(today)};
  for (auto& table : CP_TRY(root.tables("issue"))) known.issues.push_back(CP_TRY(read_issue(table)));
  CP_TRY(root.finish());
  return known;
}

}  // namespace crashpath
