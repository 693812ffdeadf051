#include "guestimages/agent/init.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "guestimages/agent/modules.h"
#include "harness/agent/protocol.h"
#include "harness/base/file.h"

namespace crashpath {
namespace {

struct Mount {
  const char* type;
  const char* where;
};
constexpr Mount mounts[] = {{"proc", "/proc"},
                            {"sysfs", "/sys"},
                            {"devtmpfs", "/dev"},
                            {"debugfs", "/sys/kernel/debug"},
                            {"tracefs", "/sys/kernel/tracing"}};

struct Setting {
  const char* path;
  std::string_view text;
};
constexpr Setting settings[] = {{"/proc/sys/kernel/printk", "8"},  // every message reaches the console
                                {"/proc/sys/kernel/kptr_restrict", "0"},
                                {"/proc/sys/kernel/sysrq", "1"}};

void mount_all(std::vector<std::string>& problems) {
  for (const Mount& mount : mounts) {
    ::mkdir(mount.where, 0755);
    if (::mount(mount.type, mount.where, mount.type, 0, nullptr) != 0 && errno != EBUSY)
      problems.push_back(
          fmt::format("cannot mount {} on {}: {}", mount.type, mount.where, std::strerror(errno)));
  }
}

/// The kernel gives its init the console: what programs print must not go there.
void leave_console() {
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= 2 && null >= 0; ++fd) ::dup2(null, fd);
  if (null > 2) ::close(null);
}

void change_settings(std::vector<std::string>& problems) {
  for (const Setting& setting : settings) {
    const auto fd = open_file(setting.path, O_WRONLY);
    const auto written = fd ? write_all(fd->get(), setting.text, setting.path) : Result<>(fd.error());
    if (!written) problems.push_back(written.error().message());
  }
}

void load_modules(std::vector<std::string>& problems) {
  const auto list = read_file(agent_protocol::modules_list);
  std::string_view names = list ? std::string_view(*list) : std::string_view();
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find('\n'));
    names.remove_prefix(std::min(name.size() + 1, names.size()));
    if (name.empty()) continue;
    const auto loaded = load_module(name, "");
    if (!loaded) problems.push_back(loaded.error().message());
  }
}

void print(std::string_view line) {
  const auto console = open_file("/dev/console", O_WRONLY | O_NOCTTY);
  if (console) static_cast<void>(write_all(console->get(), fmt::format("{}\n", line), "/dev/console"));
}

}  // namespace

void say(std::string_view text) {
  print(fmt::format("crashpath: {}", text));
}

void turn_off() {
  ::sync();
  ::reboot(static_cast<int>(RB_POWER_OFF));
  ::reboot(static_cast<int>(RB_HALT_SYSTEM));
  for (;;) ::pause();
}

void give_up(std::string_view why) {
  print(fmt::format("{}{}", agent_protocol::fatal, why));
  turn_off();
}

void give_up_without_port(std::string_view why) {
  print(fmt::format("{}{}", agent_protocol::no_port, why));
  turn_off();
}

std::vector<std::string> set_up_system() {
  std::vector<std::string> problems;
  ::setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
  mount_all(problems);
  leave_console();
  change_settings(problems);
  load_modules(problems);
  return problems;
}

}  // namespace crashpath
