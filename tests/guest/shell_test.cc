// crashpath shell, as a person uses it: typing, reading, and crashing the guest by hand.

#include <fcntl.h>
#include <poll.h>

#include <boost/asio/io_context.hpp>

#include "harness/process/child.h"
#include "tests/guest/program.h"

namespace crashpath {
namespace {

class Terminal {
 public:
  explicit Terminal(std::vector<std::string> argv) {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
    const UniqueFd read_end(in[0]), write_end(out[1]);
    in_.reset(in[1]);
    out_.reset(out[0]);
    ChildOptions options{.argv = std::move(argv)};
    options.in = read_end.get();
    options.out = options.err = write_end.get();
    child_.emplace(Child::start(io_, options, [](ChildExit) {}).value());
  }

  void type(std::string_view text) { ASSERT_TRUE(write_all(in_.get(), text, "the guest's terminal")); }

  /// Reads on until `text` comes, and drops everything up to its end. False when it does not come.
  bool read_until(std::string_view text) {
    std::size_t found = 0;
    while ((found = seen_.find(text)) == std::string::npos)
      if (!read_more()) return false;
    seen_.erase(0, found + text.size());
    return true;
  }

  ChildExit finish() {
    while (read_more()) {
    }
    io_.run();
    return child_->end();
  }
  const std::string& seen() const { return seen_; }

 private:
  bool read_more() {
    pollfd fd{out_.get(), POLLIN, 0};
    char buffer[4096];
    if (::poll(&fd, 1, 300'000) <= 0) return false;
    const ssize_t size = ::read(out_.get(), buffer, sizeof buffer);
    if (size > 0) seen_.append(buffer, static_cast<std::size_t>(size));
    return size > 0;
  }

  boost::asio::io_context io_;
  UniqueFd in_, out_;
  std::optional<Child> child_;
  std::string seen_;
};

void crash_by_hand(const std::string& arch) {
  Terminal terminal({CRASHPATH_BINARY, "shell", "--arch", arch});
  ASSERT_TRUE(terminal.read_until("then crash this one") && terminal.read_until("# ")) << terminal.seen();
  terminal.type(
      "kexec -p -i /crashpath/kernel --initrd=/crashpath/initrd --append=\"$(cat /proc/cmdline)\"\n"
      "echo \"loaded: $(cat /sys/kernel/kexec_crash_loaded)\"\n");
  ASSERT_TRUE(terminal.read_until("loaded: 1")) << terminal.seen();
  terminal.type("echo c > /proc/sysrq-trigger\n");
  ASSERT_TRUE(terminal.read_until("crashpath: the second kernel") && terminal.read_until("# "))
      << terminal.seen();
  terminal.type("head -c 4 /proc/vmcore | tail -c 3; exit\n");
  EXPECT_TRUE(terminal.read_until("ELF")) << terminal.seen();
  EXPECT_EQ(terminal.finish().status(), 0);
}

TEST(Shell, CrashesAnArm64GuestByHand) {
  crash_by_hand("arm64");
}

TEST(Shell, CrashesAPseriesGuestByHand) {
  crash_by_hand("pseries");
}

}  // namespace
}  // namespace crashpath
