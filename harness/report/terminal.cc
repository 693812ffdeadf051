#include "harness/report/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace crashpath {
namespace {

constexpr std::size_t kIndent = 7;      // as wide as the column of outcomes
constexpr std::size_t kManyTrials = 4;  // more than these, and what passed takes one line each
constexpr std::size_t kNarrowest = 40;

std::string_view color_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass:
      return "32";  // green
    case Outcome::fail:
    case Outcome::xpass:
      return "1;31";  // bold red
    case Outcome::error:
      return "1;35";  // bold magenta
    case Outcome::xfail:
    case Outcome::skip:
      return "33";  // yellow
  }
  return "0";
}

/// Lines below an outcome: indented, wrapped, with a label that continuation lines leave room for.
class Block {
 public:
  explicit Block(std::size_t width) : width_(std::max(width, kNarrowest)) {}

  void add(std::string_view label, std::string_view text, std::size_t more_indent = 0) {
    const std::size_t indent = kIndent + more_indent + label.size();
    std::string prefix = fmt::format("{:{}}{}", "", kIndent + more_indent, label);
    for (const auto& line : wrap(printable(text), width_ > indent + 20 ? width_ - indent : 20)) {
      text_ += prefix + line + "\n";
      prefix.assign(indent, ' ');
    }
  }
  /// What is to be copied from the terminal stays in one piece.
  void add_verbatim(std::string_view label, std::string_view text) {
    text_ += fmt::format("{:{}}{}{}\n", "", kIndent, label, printable(text));
  }
  /// Items side by side, as many as there is room for.
  void add_items(const std::vector<std::string>& items) {
    std::string line;
    for (const auto& item : items) {
      if (!line.empty() && kIndent + line.size() + 2 + item.size() > width_)
        add_verbatim("", std::exchange(line, ""));
      line += (line.empty() ? "" : "  ") + item;
    }
    if (!line.empty()) add_verbatim("", line);
  }
  const std::string& text() const { return text_; }

 private:
  std::size_t width_;
  std::string text_;
};

std::vector<std::string> stages_of(const Verdict& verdict) {
  std::vector<std::string> stages;
  for (const auto& [stage, seconds] : verdict.durations())
    if (stage != Stage::image || seconds >= 0.05)
      stages.push_back(fmt::format("{} {:.1f}", to_string(stage), seconds));
  return stages;
}

std::string checks_line(const Verdict& verdict) {
  std::map<Outcome, int> counts;
  for (const auto& check : verdict.checks) ++counts[check.result.outcome];
  std::string line = fmt::format("{} check{}:", verdict.checks.size(), verdict.checks.size() == 1 ? "" : "s");
  for (const auto& [outcome, count] : counts) line += fmt::format(" {} {},", count, to_string(outcome));
  line.pop_back();
  return line;
}

void add_check(Block& block, const NamedCheckResult& check) {
  const auto& [name, result] = check;
  block.add("", fmt::format("{} {}", to_string(result.outcome), name));
  if (result.outcome == Outcome::skip) return block.add("reason    ", result.got, 2);
  if (!result.expected.empty()) block.add("expected  ", result.expected, 2);
  block.add("got       ", result.got, 2);
  if (!result.evidence.empty()) block.add("evidence  ", result.evidence, 2);
}

std::string console_of(Stage stage) {
  return stage >= Stage::second_kernel ? "console-second.log" : "console-first.log";
}

/// What to type to learn more about a trial that did not go well.
std::string next_command(const TrialResult& trial, const std::string& directory) {
  const auto& verdict = trial.verdict;
  switch (verdict.outcome) {
    case Outcome::fail:
      if (verdict.stage == Stage::verify) return fmt::format("crashpath check {}", directory);
      return fmt::format("tail -n 40 {}/{}", directory, console_of(verdict.stage));
    case Outcome::error:
      return fmt::format("crashpath replay {}", directory);
    case Outcome::xpass:
      return fmt::format("crashpath check {}", directory);
    default:
      return "";
  }
}

std::string head_line(const TrialResult& trial, std::size_t id_width, const Terminal& terminal) {
  const auto& verdict = trial.verdict;
  const std::string outcome =
      colored(verdict.outcome, fmt::format("{:<6}", to_string(verdict.outcome)), terminal);
  std::string line = fmt::format("{} {:<{}}  {:>6.1f} s", outcome, trial.id, id_width, verdict.seconds);
  const bool to_the_end = verdict.outcome == Outcome::pass && verdict.stage == Stage::verify;
  if (!to_the_end && verdict.outcome != Outcome::skip)
    line += fmt::format("  stage {}", to_string(verdict.stage));
  return line + "\n";
}

/// The words of a verdict, unless the checks listed below say the same.
void add_words(Block& block, const TrialResult& trial) {
  const auto& verdict = trial.verdict;
  const bool checks_failed =
      std::any_of(verdict.checks.begin(), verdict.checks.end(),
                  [](const NamedCheckResult& check) { return check.result.outcome == Outcome::fail; });
  if (!verdict.words.empty() && !checks_failed) block.add("", verdict.words);
  if (verdict.outcome == Outcome::xpass)
    block.add("", "passed, although a known issue says that it fails: " + verdict.known_issue);
  else if (!verdict.known_issue.empty())
    block.add("known issue: ", verdict.known_issue);
}

/// Where the guest ran: the machine, and how its host executed it. Nothing where that is a QEMU of our own
/// with the accelerator that every host has.
std::string place_of(const TrialResult& trial) {
  const auto text = [&](std::string_view name) {
    const auto* value = trial.machine.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
  };
  const std::string backend = text("backend"), accelerator = text("accelerator");
  if ((backend.empty() || backend == "qemu") && accelerator != "kvm") return "";
  return fmt::format("{}{}", backend, accelerator.empty() ? "" : fmt::format(" ({})", accelerator));
}

std::string block_of(const TrialResult& trial, const std::string& directory, bool every_check,
                     std::size_t width) {
  const auto& verdict = trial.verdict;
  Block block(width);
  add_words(block, trial);
  if (verdict.outcome == Outcome::skip && !every_check) return block.text();
  if (!trial.kernel_release.empty()) block.add("kernel ", trial.kernel_release);
  if (const std::string place = place_of(trial); !place.empty()) block.add("on ", place);
  block.add_items(stages_of(verdict));
  for (const auto& line : verdict.vcpus) block.add("", line);
  if (!verdict.checks.empty()) block.add("", checks_line(verdict));
  for (const auto& check : verdict.checks) {
    const Outcome outcome = check.result.outcome;
    if (every_check || outcome == Outcome::fail || outcome == Outcome::error) add_check(block, check);
  }
  if (!trial.dump.empty()) block.add_verbatim("dump ", fmt::format("{}/{}", directory, trial.dump));
  if (const auto next = next_command(trial, directory); !next.empty() && !every_check)
    block.add_verbatim("next: ", next);
  return block.text();
}

}  // namespace

Terminal detect_terminal(int fd) {
  Terminal terminal;
  if (::isatty(fd) == 0) return terminal;
  const char* term = std::getenv("TERM");
  terminal.smart = term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
  const char* no_color = std::getenv("NO_COLOR");
  terminal.color = terminal.smart && (no_color == nullptr || *no_color == '\0');
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) terminal.width = size.ws_col;
  return terminal;
}

std::string colored(Outcome outcome, std::string_view text, const Terminal& terminal) {
  return terminal.color ? fmt::format("\x1b[{}m{}\x1b[0m", color_of(outcome), text) : std::string(text);
}

std::string to_terminal(const Results& results, const std::filesystem::path& run_directory,
                        const Terminal& terminal) {
  std::size_t id_width = 0;
  for (const auto& trial : results.trials) id_width = std::max(id_width, trial.id.size());
  const bool brief = results.trials.size() > kManyTrials;
  std::string text;
  for (const auto& trial : results.trials) {
    text += head_line(trial, id_width, terminal);
    if (!brief || trial.verdict.outcome != Outcome::pass)
      text += block_of(trial, (run_directory / trial.id).native(), false, terminal.width);
  }
  return text + summary_line(results) + "\n";
}

std::string summary_line(const Results& results) {
  std::string line =
      fmt::format("{} {}", results.trials.size(), results.trials.size() == 1 ? "trial" : "trials");
  std::string separator = ": ";
  for (const auto& [outcome, number] : results.count()) {
    line += fmt::format("{}{} {}", separator, number, to_string(outcome));
    separator = ", ";
  }
  return line + fmt::format(" in {:.1f} s", results.seconds);
}

std::string to_terminal(const TrialResult& trial, const std::filesystem::path& directory,
                        const Terminal& terminal) {
  return head_line(trial, trial.id.size(), terminal) +
         block_of(trial, directory.native(), true, terminal.width);
}

}  // namespace crashpath
