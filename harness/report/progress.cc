#include "harness/report/progress.h"

#include <fmt/format.h>

#include <algorithm>

namespace crashpath {
namespace {

using namespace std::chrono_literals;

constexpr auto kLeastBetweenDraws = 100ms;  // a guest that floods its console must not keep the terminal busy

double to_seconds(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

/// One running trial. Its members are guarded by the mutex of its Progress.
class Progress::Line : public TrialObserver {
 public:
  Line(Progress& progress, std::string id)
      : progress_(progress), id_(std::move(id)), entered_(progress.now_()) {}

  void stage_entered(Stage stage) override {
    const std::lock_guard lock(progress_.mutex_);
    stage_ = stage;
    entered_ = progress_.now_();
    captured_.clear();
    progress_.changed();
  }

  void console_line(std::string_view text) override {
    std::string line = printable(text.substr(0, 4 * progress_.terminal_.width));
    const std::lock_guard lock(progress_.mutex_);
    if (line.find_first_not_of(' ') == std::string::npos) return;
    console_ = std::move(line);
    progress_.changed();
  }

  void capture_progress(std::uint64_t done, std::uint64_t total) override {
    const std::lock_guard lock(progress_.mutex_);
    captured_ =
        total == 0 ? fmt::format("{} MiB", done >> 20) : fmt::format("{} of {} MiB", done >> 20, total >> 20);
    progress_.changed();
  }

  const std::string& id() const { return id_; }

  std::string text(Clock::time_point now, std::size_t width) const {
    const std::string left =
        fmt::format("{}  {} {:.0f} s  ", id_, to_string(stage_), to_seconds(now - entered_));
    return shorten(left + (captured_.empty() ? console_ : captured_), width);
  }

 private:
  Progress& progress_;
  const std::string id_;
  Clock::time_point entered_;
  Stage stage_ = Stage::image;
  std::string console_;
  std::string captured_;
};

Progress::Progress(std::size_t trials, const Terminal& terminal, Sink sink, Now now)
    : trials_(trials), terminal_(terminal), sink_(std::move(sink)), now_(std::move(now)) {}

Progress::~Progress() {
  const std::lock_guard lock(mutex_);
  sink_(erase());
}

TrialObserver& Progress::began(const std::string& id) {
  const std::lock_guard lock(mutex_);
  lines_.push_back(std::make_unique<Line>(*this, id));
  Line& line = *lines_.back();
  if (terminal_.smart)
    draw("");
  else
    sink_(fmt::format("start  {}\n", id));
  return line;
}

void Progress::ended(TrialObserver& observer, const Verdict& verdict) {
  const std::lock_guard lock(mutex_);
  const auto line =
      std::find_if(lines_.begin(), lines_.end(), [&](const auto& each) { return each.get() == &observer; });
  const std::string id = (*line)->id();
  lines_.erase(line);
  ++ended_;
  std::string text =
      fmt::format("{} {}  {:.1f} s  [{}/{}]",
                  colored(verdict.outcome, fmt::format("{:<6}", to_string(verdict.outcome)), terminal_), id,
                  verdict.seconds, ended_, trials_);
  if (verdict.outcome != Outcome::pass) text += fmt::format("  stage {}", to_string(verdict.stage));
  draw(text + "\n");
}

void Progress::say(std::string_view line) {
  const std::lock_guard lock(mutex_);
  draw(printable(line) + "\n");
}

void Progress::refresh() {
  const std::lock_guard lock(mutex_);
  if (terminal_.smart) draw("");
}

void Progress::changed() {
  if (terminal_.smart && now_() - drawn_at_ >= kLeastBetweenDraws) draw("");
}

/// To the first of the live lines, and everything from there on cleared.
std::string Progress::erase() {
  const std::size_t lines = std::exchange(drawn_, 0);
  return lines == 0 ? "" : fmt::format("\x1b[{}A\r\x1b[J", lines);
}

/// One write, so that nothing of another program comes between.
void Progress::draw(std::string_view above) {
  std::string text = erase() + std::string(above);
  if (terminal_.smart) {
    const auto now = now_();
    for (const auto& line : lines_) text += line->text(now, terminal_.width - 1) + "\n";
    drawn_ = lines_.size();
    drawn_at_ = now;
  }
  sink_(text);
}

ProgressTicker::ProgressTicker(Progress& progress)
    : thread_([this, &progress] {
        std::unique_lock lock(mutex_);
        while (!stop_.wait_for(lock, 500ms, [this] { return stopped_; })) progress.refresh();
      }) {}

ProgressTicker::~ProgressTicker() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  stop_.notify_one();
  thread_.join();
}

}  // namespace crashpath
