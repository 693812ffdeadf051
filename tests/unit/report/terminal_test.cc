#include "harness/report/terminal.h"

#include <gmock/gmock.h>

#include <sstream>

#include "tests/unit/report/golden.h"
#include "tests/unit/report/sample_results.h"

namespace crashpath {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::filesystem::path kRun = "runs/2030-01-31T12-34-56";

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(TerminalReport, Golden) {
  expect_golden("terminal-80.txt",
                to_terminal(sample_results(), kRun, {.smart = false, .color = false, .width = 80}));
  expect_golden("terminal-color.txt",
                to_terminal(sample_results(), kRun, {.smart = true, .color = true, .width = 120}));
}

TEST(TerminalReport, ShowsAPassInFullWhereThereAreFewTrials) {
  Results results = sample_results();
  results.trials.resize(1);
  expect_golden("terminal-one-pass.txt",
                to_terminal(results, kRun, {.smart = false, .color = false, .width = 80}));
}

TEST(TerminalReport, ShowsEveryCheckOfOneTrial) {
  expect_golden("terminal-check.txt", to_terminal(sample_results().trials[0], kRun / "x",
                                                  {.smart = false, .color = false, .width = 80}));
}

TEST(TerminalReport, KeepsToTheWidthButForWhatIsToBeCopied) {
  for (const std::size_t width : {80u, 133u})
    for (const auto& line :
         lines_of(to_terminal(sample_results(), kRun, {.smart = false, .color = false, .width = width})))
      if (!line.starts_with("       next:") && !line.starts_with("       dump ")) {
        EXPECT_LE(line.size(), width) << line;
      }
}

TEST(TerminalReport, IsNotWrittenByTheGuest) {
  Results results = sample_results();
  results.trials.resize(3);
  results.trials[2].verdict.words = "\x1b]0;owned\x07\x1b[2Jwords\rmore";
  const std::string text = to_terminal(results, kRun, {.smart = true, .color = false, .width = 80});
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("words more"));
}

TEST(TerminalReport, NothingRanIsSaidToo) {
  EXPECT_EQ(to_terminal(Results(), kRun, {}), "0 trials in 0.0 s\n");
}

TEST(Terminal, AFileIsNone) {
  const UniqueFd file = std::move(open_file("/dev/null", 1)).value();
  const Terminal terminal = detect_terminal(file.get());
  EXPECT_FALSE(terminal.smart);
  EXPECT_FALSE(terminal.color);
}

TEST(Terminal, SaysWhereAGuestRanUnlessThatIsAQemuOfOurOwn) {
  TrialResult trial;
  trial.id = "arm64-6.12-panic.sysrq-1";
  trial.verdict.outcome = Outcome::pass;
  trial.machine = {{"backend", "libvirt:qemu:///system"}, {"accelerator", "kvm"}};
  EXPECT_THAT(to_terminal(trial, "x", Terminal()), testing::HasSubstr("on libvirt:qemu:///system (kvm)"));
  trial.machine = {{"backend", "qemu"}, {"accelerator", "kvm"}};
  EXPECT_THAT(to_terminal(trial, "x", Terminal()), testing::HasSubstr("on qemu (kvm)"));
  trial.machine = {{"backend", "qemu"}, {"accelerator", "tcg"}};
  EXPECT_THAT(to_terminal(trial, "x", Terminal()), testing::Not(testing::HasSubstr("on qemu")));
}

}  // namespace
}  // namespace crashpath
