#include "harness/report/html_trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string.hpp>

#include "harness/base/file.h"
#include "harness/console/splats.h"
#include "harness/evidence/directory.h"
#include "harness/report/html_tree.h"
#include "harness/report/memory_picture.h"

namespace crashpath {
namespace {

constexpr std::size_t kTailLines = 40;
constexpr std::size_t kMostSplats = 20;
constexpr std::size_t kSplatLines = 80;
constexpr double kBarWidth = 1000;  // of the bar's own units

using Lines = std::vector<RecordedLine>;

/// Members that are numbers, texts or booleans: "cpus 4, memory_mib 1024".
std::string describe_machine(const boost::json::object& machine) {
  std::string text;
  for (const auto& [key, value] : machine) {
    if (value.is_object() || value.is_array() || value.is_null()) continue;
    const std::string shown =
        value.is_string() ? std::string(value.get_string()) : boost::json::serialize(value);
    if (!shown.empty()) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", std::string(key), shown);
  }
  return text;
}

void add_facts(pugi::xml_node parent, const TrialResult& trial) {
  const pugi::xml_node list = html::element(parent, "dl");
  const auto add = [&list](const char* name, std::string_view value) {
    if (value.empty()) return;
    html::text(html::element(list, "dt"), name);
    html::text(html::element(list, "dd"), value);
  };
  add("kernel", trial.kernel_release);
  add("package", trial.kernel_package.empty()
                     ? std::string()
                     : fmt::format("{} {}", trial.kernel_package, trial.kernel_version));
  add("machine", describe_machine(trial.machine));
  add("known issue", trial.verdict.known_issue);
}

bool is_bad(Outcome outcome) {
  return outcome == Outcome::fail || outcome == Outcome::error;
}

/// Checks that failed have expected and got; of the others the name is enough.
void add_checks(pugi::xml_node parent, const Verdict& verdict) {
  if (verdict.checks.empty()) return;
  const pugi::xml_node table = html::element(parent, "table", "checks");
  for (const auto& [name, result] : verdict.checks) {
    const pugi::xml_node row = html::element(table, "tr");
    const std::string_view outcome = to_string(result.outcome);
    html::text(html::element(row, "td", outcome), outcome);
    html::text(html::element(row, "td", "name"), name);
    const pugi::xml_node said = html::element(row, "td");
    const auto add = [&said](const char* label, std::string_view text) {
      if (text.empty()) return;
      const pugi::xml_node line = html::element(said, "div");
      html::text(html::element(line, "b"), label);
      html::text(line, fmt::format(" {}", text));
    };
    if (is_bad(result.outcome)) add("expected", result.expected);
    add(result.outcome == Outcome::skip ? "reason" : "got", result.got);
    if (is_bad(result.outcome)) add("evidence", result.evidence);
  }
}

void add_lines(pugi::xml_node parent, const Lines& lines, std::size_t begin, std::size_t end) {
  html::Lines pre(html::element(parent, "pre"));
  for (std::size_t i = begin; i < end; ++i)
    pre.add(fmt::format("{:10.3f} {}", lines[i].seconds, lines[i].text));
}

void add_console(pugi::xml_node parent, Kernel kernel, const Lines& lines, bool open) {
  const std::size_t begin = lines.size() - std::min(kTailLines, lines.size());
  const pugi::xml_node details = html::element(parent, "details");
  if (open) html::attribute(details, "open", "open");
  html::text(html::element(details, "summary"),
             fmt::format("end of the {} kernel's console ({} of {} lines)", to_string(kernel),
                         lines.size() - begin, lines.size()));
  add_lines(details, lines, begin, lines.size());
}

void add_splats(pugi::xml_node parent, Kernel kernel, const Lines& lines) {
  std::vector<std::string_view> texts;
  for (const RecordedLine& line : lines) texts.push_back(line.text);
  const auto splats = find_splats(texts);
  for (std::size_t i = 0; i < splats.size() && i < kMostSplats; ++i) {
    const pugi::xml_node details = html::element(parent, "details");
    html::text(html::element(details, "summary"),
               fmt::format("{} of the {} kernel, line {}: {}", to_string(splats[i].kind), to_string(kernel),
                           lines[splats[i].begin].number, splats[i].title));
    add_lines(details, lines, splats[i].begin, std::min(splats[i].end, splats[i].begin + kSplatLines));
  }
  if (splats.size() > kMostSplats)
    html::text(html::element(parent, "p", "note"),
               fmt::format("and {} more of the {} kernel", splats.size() - kMostSplats, to_string(kernel)));
}

void add_consoles(pugi::xml_node parent, const Evidence& evidence) {
  static const Lines kNone;
  const auto first = evidence.console(Kernel::first), second = evidence.console(Kernel::second);
  const Lines& of_first = first ? **first : kNone;
  const Lines& of_second = second ? **second : kNone;
  add_splats(parent, Kernel::first, of_first);
  add_splats(parent, Kernel::second, of_second);
  if (!of_first.empty()) add_console(parent, Kernel::first, of_first, of_second.empty());
  if (!of_second.empty()) add_console(parent, Kernel::second, of_second, true);
}

/// What witnesses show; open where something is wrong.
void add_exhibits(pugi::xml_node parent, const TrialResult& trial, const Evidence& evidence) {
  for (const std::string& name : trial.exhibits) {
    const auto shown = read_file(evidence.path(evidence_file::exhibit_text(name)));
    if (!shown) continue;
    std::vector<std::string> lines;
    boost::split(lines, boost::trim_right_copy(*shown), boost::is_any_of("\n"));
    const pugi::xml_node details = html::element(parent, "details", "exhibit");
    html::text(html::element(details, "summary"), name);
    bool wrong = false;
    html::Lines pre(html::element(details, "pre"));
    for (const std::string& line : lines) {
      pre.add(line);
      wrong = wrong || line.starts_with("!!");
    }
    if (wrong) html::attribute(details, "open", "open");
  }
}

/// Links to what the trial's directory has, beside the page.
void add_files(pugi::xml_node parent, const TrialResult& trial, const Evidence& evidence) {
  std::vector<std::string> files;
  for (const auto name : {evidence_file::kConsoleFirst, evidence_file::kConsoleSecond, evidence_file::kAgent,
                          evidence_file::kTimeline, evidence_file::kTrial, evidence_file::kVerdict,
                          evidence_file::kDmesg, evidence_file::kQemuLog, evidence_file::kHost,
                          evidence_file::kReplay, evidence_file::kVmcoreKdump, evidence_file::kVmcoreElf})
    if (evidence.has(name)) files.emplace_back(name);
  if (files.empty()) return;
  const pugi::xml_node line = html::text(html::element(parent, "p", "files"), "evidence:");
  for (const std::string& file : files) {
    html::text(line, " ");
    const pugi::xml_node link = html::text(html::element(line, "a"), file);
    html::attribute(link, "href", fmt::format("./{}/{}", trial.id, file));
  }
}

void add_commands(pugi::xml_node parent, const std::filesystem::path& directory) {
  html::Lines pre(html::element(parent, "pre", "commands"));
  pre.add(fmt::format("crashpath replay {}", directory.native()));
  pre.add(fmt::format("crashpath check {}", directory.native()));
}

double seconds_of(const Verdict& verdict) {
  double all = 0;
  for (const auto& [stage, seconds] : verdict.durations()) all += seconds;
  return all;
}

}  // namespace

std::string html_anchor(const TrialResult& trial) {
  return "trial-" + trial.id;
}

void add_stage_bar(pugi::xml_node parent, const Verdict& verdict, double longest) {
  const double all = seconds_of(verdict);
  if (all <= 0) return;
  const pugi::xml_node svg = html::element(parent, "svg", "stages");
  html::attribute(svg, "viewBox", fmt::format("0 0 {} 10", kBarWidth));
  html::attribute(svg, "preserveAspectRatio", "none");
  html::attribute(svg, "role", "img");
  html::attribute(svg, "aria-label", "seconds in each stage");
  const double scale = kBarWidth / std::max(longest, all);
  double at = 0;
  std::string words;
  for (const auto& [stage, seconds] : verdict.durations()) {
    if (seconds <= 0) continue;
    const pugi::xml_node rect = html::element(svg, "rect", fmt::format("s{}", static_cast<int>(stage)));
    html::attribute(rect, "x", fmt::format("{:.1f}", at * scale));
    html::attribute(rect, "y", "0");
    html::attribute(rect, "width", fmt::format("{:.1f}", seconds * scale));
    html::attribute(rect, "height", "10");
    html::text(html::element(rect, "title"), fmt::format("{} {:.2f} s", to_string(stage), seconds));
    at += seconds;
    if (seconds >= 0.05)
      words += fmt::format("{}{} {:.1f}", words.empty() ? "" : ", ", to_string(stage), seconds);
  }
  html::text(html::element(parent, "p", "note"), fmt::format("{} s", words));
}

void add_trial(pugi::xml_node parent, const TrialResult& trial, const std::filesystem::path& directory,
               const HtmlTrialOptions& options) {
  const Verdict& verdict = trial.verdict;
  const Evidence evidence(directory);
  const pugi::xml_node details = html::element(parent, "details", "trial");
  html::attribute(details, "id", html_anchor(trial));
  if (options.consoles) html::attribute(details, "open", "open");
  const pugi::xml_node head = html::element(details, "summary");
  html::text(html::element(head, "span", fmt::format("outcome {}", to_string(verdict.outcome))),
             to_string(verdict.outcome));
  html::text(html::element(head, "b"), fmt::format(" {} ", trial.id));
  const bool to_the_end = verdict.outcome == Outcome::pass && verdict.stage == Stage::verify;
  html::text(head, to_the_end ? fmt::format("{:.1f} s", verdict.seconds)
                              : fmt::format("{:.1f} s, stage {}", verdict.seconds, to_string(verdict.stage)));
  if (!verdict.words.empty()) html::text(html::element(details, "p", "words"), verdict.words);
  add_stage_bar(details, verdict, options.longest);
  add_facts(details, trial);
  add_checks(details, verdict);
  if (options.consoles) add_consoles(details, evidence);
  if (options.memory) add_memory_pictures(details, evidence);
  add_exhibits(details, trial, evidence);
  add_files(details, trial, evidence);
  if (options.consoles) add_commands(details, directory);
}

}  // namespace crashpath
