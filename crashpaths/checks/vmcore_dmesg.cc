#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "crashpaths/checks/guest_facts.h"
#include "crashpaths/checks/vmcore_checks.h"
#include "harness/console/phases.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/vmcore.h"

namespace crashpath {
namespace {

/// How many of the console's last lines the dump's log must have. Older ones may have been overwritten in the
/// ring.
constexpr std::size_t kComparedLines = 20;
/// "Linux version" is among the first lines: pseries prints a few before it.
constexpr std::size_t kHeadLines = 60;

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

/// "[    1.234567] text" of a console line, without the caller that CONFIG_PRINTK_CALLER adds; none for what
/// is not the kernel's.
std::optional<std::string> kernel_line(const std::string& line) {
  static const std::regex stamped(R"(^(\[ *\d+\.\d{6}\])(?:\[ *[TC]\d+\])? (.*)$)");
  std::smatch groups;
  if (!std::regex_match(line, groups, stamped)) return std::nullopt;
  return fmt::format("{} {}", groups[1].str(), groups[2].str());
}

/// The last kernel lines of the crashed kernel's console, oldest first.
Result<std::vector<std::string>> last_console_lines(const Evidence& evidence) {
  std::vector<std::string> lines;
  for (const RecordedLine* line : CP_TRY(crashed_kernel_console(evidence))) {
    if (auto text = kernel_line(line->text)) lines.push_back(std::move(*text));
  }
  if (lines.size() > kComparedLines) lines.erase(lines.begin(), lines.end() - kComparedLines);
  return lines;
}

bool begins_with_version(const std::vector<std::string>& log, const std::string& release) {
  const auto end = log.begin() + static_cast<std::ptrdiff_t>(std::min(log.size(), kHeadLines));
  const std::string version = fmt::format("] Linux version {} ", release);
  return std::any_of(log.begin(), end,
                     [&version](const std::string& line) { return line.find(version) != std::string::npos; });
}

const std::string* find_line(const std::vector<std::string>& log, const std::regex& pattern) {
  for (const std::string& line : log) {
    if (std::regex_search(line, pattern)) return &line;
  }
  return nullptr;
}

Result<CheckResult> dmesg(const Evidence& evidence, const CheckParameters& parameters) {
  const std::string text = parameter<std::string>(parameters, "panic").value_or("Kernel panic - not syncing");
  const std::regex panic = CP_TRY(parse_pattern("panic", text));
  const std::string release = CP_TRY(asked_release(evidence));
  const std::string_view file = CP_TRY(evidence.vmcore_file());
  const std::vector<std::string> log = split_lines(CP_TRY(CP_TRY(evidence.vmcore())->dmesg()));
  const std::vector<std::string> console = CP_TRY(last_console_lines(evidence));

  const std::string expected =
      fmt::format("the dump's log begins with Linux version {}, has /{}/ and the console's last kernel lines",
                  release, text);
  const auto fail = [&](const std::string& got) { return CheckResult::fail(expected, got, file); };
  if (!begins_with_version(log, release))
    return fail(fmt::format("{} lines, no such version in the first {}: '{}'", log.size(), kHeadLines,
                            log.empty() ? "" : log.front()));
  const std::string* message = find_line(log, panic);
  if (message == nullptr) return fail(fmt::format("{} lines, the panic is not among them", log.size()));
  if (console.empty()) return fail("no line of the kernel on the first console to compare with");
  const std::set<std::string, std::less<>> known(log.begin(), log.end());
  const auto absent = std::find_if(console.begin(), console.end(),
                                   [&known](const std::string& line) { return !known.contains(line); });
  if (absent != console.end()) return fail(fmt::format("on the console, but not in the dump: '{}'", *absent));
  return CheckResult::pass(expected,
                           fmt::format("{} lines, '{}', the console's last {} all there", log.size(),
                                       without_time_stamp(*message), console.size()),
                           file);
}

}  // namespace

Check vmcore_dmesg_check() {
  return {"vmcore.dmesg",
          "The log in the dump's own ring buffer is the crashed kernel's and agrees with its console",
          {{"panic", "regular expression of a line it must have", std::string("sysrq triggered crash")}},
          dmesg};
}

}  // namespace crashpath
