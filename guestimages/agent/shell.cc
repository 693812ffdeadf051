#include "guestimages/agent/shell.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "guestimages/agent/init.h"
#include "guestimages/agent/text.h"
#include "harness/base/file.h"

namespace crashpath {
namespace {

/// The device behind /dev/console, which itself can be nobody's controlling terminal: without one there is no
/// Ctrl-C in the shell (drivers/tty/tty_io.c tty_open).
std::string console_terminal() {
  const auto active = read_file("/sys/class/tty/console/active");  // "ttyAMA0", or several, the last is used
  const std::string names(active ? trim_end(*active) : "");
  return names.empty() ? "/dev/console" : "/dev/" + names.substr(names.rfind(' ') + 1);
}

[[noreturn]] void become_shell(const std::string& terminal) {
  ::setsid();
  const int fd = ::open(terminal.c_str(), O_RDWR);
  if (fd >= 0) {
    ::ioctl(fd, TIOCSCTTY, 0);
    for (int standard = 0; standard <= 2; ++standard) ::dup2(fd, standard);
    ::setenv("HOME", "/", 1);
    ::setenv("TERM", "linux", 1);
    ::execl("/bin/busybox", "sh", static_cast<char*>(nullptr));
  }
  ::_exit(127);
}

}  // namespace

void serve_shell(bool second, const std::vector<std::string>& problems) {
  for (const std::string& problem : problems) say(problem);
  if (second) {
    say("the second kernel; the crashed one's memory is in /proc/vmcore");
  } else {
    say("load a crash kernel:  kexec -p -i /crashpath/kernel --initrd=/crashpath/initrd --append=\"$(cat "
        "/proc/cmdline)\"");
    say("then crash this one:  echo c > /proc/sysrq-trigger");
  }
  const std::string terminal = console_terminal();
  const pid_t shell = ::fork();
  if (shell == 0) become_shell(terminal);
  if (shell < 0) give_up("cannot start a shell");
  int status = 0;
  for (pid_t ended = 0; ended != shell;) {
    ended = ::waitpid(-1, &status, 0);
    if (ended < 0 && errno != EINTR) break;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) give_up("cannot run /bin/busybox sh on " + terminal);
  turn_off();
}

}  // namespace crashpath
