#include "harness/report/progress.h"

#include <gmock/gmock.h>

#include "tests/unit/report/golden.h"

namespace crashpath {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class Watched : public testing::Test {
 protected:
  Progress make(bool smart, std::size_t width = 80) {
    return Progress(
        2, {.smart = smart, .color = false, .width = width},
        [this](std::string_view text) { written_ += text; }, [this] { return now_; });
  }
  static Verdict verdict(Outcome outcome, Stage stage, double seconds) {
    Verdict verdict;
    verdict.outcome = outcome;
    verdict.stage = stage;
    verdict.seconds = seconds;
    return verdict;
  }
  void run(Progress& progress) {
    TrialObserver& one = progress.began("arm64-6.12-panic.sysrq-1");
    TrialObserver& two = progress.began("pseries-6.12-panic.sysrq-1");
    now_ += 1s;
    one.stage_entered(Stage::boot);
    now_ += 2s;
    one.console_line(
        "[    0.000000] Linux version 6.12.95 (\x1b[31mred\x1b[0m) with a very long line behind it");
    now_ += 1s;
    two.stage_entered(Stage::capture);
    now_ += 1s;
    two.capture_progress(64 << 20, 512 << 20);
    progress.ended(one, verdict(Outcome::pass, Stage::verify, 12.5));
    progress.say("disk is getting full");
    now_ += 1s;
    progress.refresh();
    progress.ended(two, verdict(Outcome::fail, Stage::capture, 20));
  }

  std::string written_;
  Clock::time_point now_{};
};

TEST_F(Watched, OnADumbTerminalHasALineWhenATrialBeginsAndEnds) {
  {
    Progress progress = make(false);
    run(progress);
  }
  expect_golden("progress-dumb.txt", written_);
  EXPECT_THAT(written_, Not(HasSubstr("\x1b")));
}

TEST_F(Watched, OnASmartTerminalKeepsALineForEachTrial) {
  {
    Progress progress = make(true, 60);
    run(progress);
  }
  expect_golden("progress-smart.txt", written_);
}

TEST_F(Watched, NeverLetsAGuestWriteToTheTerminal) {
  Progress progress = make(true);
  TrialObserver& trial = progress.began("x");
  written_.clear();
  now_ += 1s;
  trial.console_line("\x1b[2J\x1b[Hgotcha\x07");
  EXPECT_THAT(written_, HasSubstr("gotcha?"));
  EXPECT_THAT(written_, Not(HasSubstr("\x1b[2J")));
  EXPECT_THAT(written_, Not(HasSubstr("\x1b[H")));
}

TEST_F(Watched, IsNotDrawnForEveryLineOfAFlood) {
  Progress progress = make(true);
  TrialObserver& trial = progress.began("x");
  written_.clear();
  for (int i = 0; i < 1000; ++i) trial.console_line("flood");
  EXPECT_EQ(written_, "");
}

TEST_F(Watched, NeverExceedsTheWidth) {
  Progress progress = make(true, 30);
  TrialObserver& trial = progress.began("a-trial-with-a-name-that-is-longer-than-the-terminal");
  now_ += 1s;
  written_.clear();
  trial.console_line(std::string(500, 'x'));
  const std::string line = written_.substr(written_.find("\x1b[J") + 3);
  EXPECT_LT(line.size(), 31u) << line;
}

TEST_F(Watched, TakesManyThreads) {
  Progress progress = make(true);
  const ProgressTicker ticker(progress);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&progress, i] {
      for (int n = 0; n < 50; ++n) {
        TrialObserver& trial = progress.began(std::to_string(i));
        trial.stage_entered(Stage::boot);
        trial.console_line("line");
        progress.ended(trial, verdict(Outcome::pass, Stage::verify, 1));
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(written_, HasSubstr("[400/2]"));
}

}  // namespace
}  // namespace crashpath
