#pragma once

// Live progress of a run. On a smart terminal one line per running trial is kept up to date; elsewhere there
// is one line when a trial begins and one when it ends. What a guest's console says never reaches the
// terminal unfiltered.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "harness/report/terminal.h"
#include "harness/trial/runner.h"

namespace crashpath {

/// May be told things from any thread. Each running trial has an observer of its own, told by that trial's
/// thread.
class Progress {
 public:
  using Now = std::function<Clock::time_point()>;
  /// Gets text to write at once, with line ends and, on a smart terminal, cursor movement.
  using Sink = std::function<void(std::string_view)>;

  Progress(std::size_t trials, const Terminal& terminal, Sink sink, Now now = Clock::now);
  ~Progress();  ///< takes the live lines away

  /// The trial begins. The observer lives until ended() is called with it.
  TrialObserver& began(const std::string& id);
  void ended(TrialObserver& observer, const Verdict& verdict);

  /// A line above the live ones.
  void say(std::string_view line);

  /// Brings the live lines up to date, such as their seconds.
  void refresh();

 private:
  class Line;
  // All with mutex_ held:
  void draw(std::string_view above);  ///< writes lines above the live ones, and those again
  void changed();                     ///< draws, unless that was done just now
  std::string erase();                ///< what takes the live lines away

  const std::size_t trials_;
  const Terminal terminal_;
  const Sink sink_;
  const Now now_;
  std::mutex mutex_;
  std::list<std::unique_ptr<Line>> lines_;
  std::size_t ended_ = 0;
  std::size_t drawn_ = 0;  ///< live lines that stand on the terminal
  Clock::time_point drawn_at_{};
};

/// Refreshes a Progress twice a second as long as it lives.
class ProgressTicker {
 public:
  explicit ProgressTicker(Progress& progress);
  ~ProgressTicker();

 private:
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace crashpath
