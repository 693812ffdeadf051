#include "guestimages/agent/task.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/file.h"

namespace crashpath {
namespace {

/// Whether nobody has the other end of a pipe any more.
bool is_at_end(const UniqueFd& pipe) {
  pollfd waiting{pipe.get(), POLLIN, 0};
  return ::poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLHUP) != 0;
}

class TaskTest : public testing::Test {
 protected:
  TaskTest() {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    reading_.reset(ends[0]);
    writing_.reset(ends[1]);
  }
  ~TaskTest() override {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
  }
  void start(int keep) {
    pid_ = start_task("waits", keep, [] { return ::pause(); }).value();
  }

  UniqueFd reading_, writing_;
  pid_t pid_ = 0;
};

TEST_F(TaskTest, HoldsNothingOfOursOnceItWasStarted) {
  start(-1);
  writing_.reset();
  EXPECT_TRUE(is_at_end(reading_));
}

TEST_F(TaskTest, HoldsWhatItIsToKeep) {
  start(writing_.get());
  writing_.reset();
  EXPECT_FALSE(is_at_end(reading_));
}

}  // namespace
}  // namespace crashpath
