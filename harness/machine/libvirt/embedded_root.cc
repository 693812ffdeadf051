#include "harness/machine/libvirt/embedded_root.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "harness/machine/libvirt/owner.h"
#include "harness/process/child.h"

namespace crashpath::libvirt {
namespace {

namespace fs = std::filesystem;

/// Nothing that a guest does needs more of the host than its files: QEMU runs as nobody, without the mount
/// namespace and the cgroups that a container may refuse, and nobody's files change their owner. "file":
/// messages are QEMU's to write, because virtlogd is a daemon.
constexpr std::string_view kSettings =
    "stdio_handler = \"file\"\n"
    "dynamic_ownership = 0\n"
    "remember_owner = 0\n"
    "security_default_confined = 0\n"
    "namespaces = []\n"
    "cgroup_controllers = []\n";

/// Not below a home directory, which QEMU's user may not enter, and with a short path: those of sockets
/// end after 107 bytes (unix(7)).
fs::path base_directory() {
  return fmt::format("/var/tmp/crashpath-{}", ::geteuid());
}

/// Below a directory that everybody writes to: nobody else's, and no link.
Result<> make_base(const fs::path& base) {
  struct stat status {};
  ::mkdir(base.c_str(), 0711);
  if (::lstat(base.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != ::geteuid())
    return Error::host(fmt::format("{} is not a directory of this user", base.native()));
  return {};
}

/// Guests, and QEMUs that the driver asks for what they can do: all have files and sockets there, which stand
/// on their command lines (libvirt src/qemu/qemu_command.c, qemuBuildMasterKeyCommandLine();
/// src/qemu/qemu_process.c, qemuProcessQMPLaunch()).
std::vector<pid_t> qemus_in(const fs::path& root) {
  const std::string mark = (root / "lib/qemu/").native();
  std::vector<pid_t> found;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator("/proc", code)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto line = read_file(entry.path() / "cmdline");
    if (!line || line->find(mark) == std::string::npos) continue;
    const std::string program = line->substr(0, line->find('\0'));
    if (program.find("qemu-system") != std::string::npos) found.push_back(std::atoi(name.c_str()));
  }
  return found;
}

/// Kills them until there is none: a process that was being started may show up late.
std::size_t end_qemus_in(const fs::path& root) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  std::size_t ended = 0;
  for (auto left = qemus_in(root); !left.empty() && std::chrono::steady_clock::now() < deadline;
       left = qemus_in(root)) {
    ended = std::max(ended, left.size());
    for (const pid_t pid : left) ::kill(pid, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return ended;
}

Result<UniqueFd> lock(const fs::path& root) {
  UniqueFd fd = CP_TRY(open_file(root / "lock", O_RDWR | O_CREAT));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  return Error::host(fmt::format("another process uses {}", root.native()));
}

Result<> configure(const fs::path& root) {
  CP_TRY(make_directories(root / "etc"));
  ::chmod(root.c_str(), 0711);
  if (fs::exists(root / "etc/qemu.conf")) return {};
  std::string settings(kSettings);
  // KVM's device is not for nobody.
  const auto nobody = find_nobody();
  struct stat kvm {};
  const bool has_kvm = ::stat("/dev/kvm", &kvm) == 0;
  if (::geteuid() == 0 && nobody)
    settings +=
        fmt::format("user = \"+{}\"\ngroup = \"+{}\"\n", nobody->uid, has_kvm ? kvm.st_gid : nobody->gid);
  return write_file(root / "etc/qemu.conf", settings);
}

}  // namespace

Result<EmbeddedRoot> EmbeddedRoot::make(const fs::path& wanted) {
  const fs::path base = base_directory();
  if (wanted.empty()) CP_TRY(make_base(base));
  const fs::path root = wanted.empty() ? base / short_name_of_this_process() : wanted;
  CP_TRY(make_directories(root));
  UniqueFd held = CP_TRY(lock(root));
  end_qemus_in(root);
  std::error_code ignored;
  // Domains of the process before, which the driver would look for.
  for (const char* state : {"run", "files"}) fs::remove_all(root / state, ignored);
  CP_TRY(configure(root));
  return EmbeddedRoot(root, std::move(held), wanted.empty());
}

EmbeddedRoot::EmbeddedRoot(EmbeddedRoot&& other) noexcept
    : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)), ours_(other.ours_) {}

EmbeddedRoot::~EmbeddedRoot() {
  if (path_.empty()) return;
  end_qemus_in(path_);
  std::error_code ignored;
  if (ours_) fs::remove_all(path_, ignored);
}

uid_t EmbeddedRoot::qemu_user() const {
  const auto nobody = find_nobody();
  return ::geteuid() == 0 && nobody ? nobody->uid : static_cast<uid_t>(-1);
}

std::vector<std::string> clean_embedded_roots() {
  std::vector<std::string> found;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(base_directory(), code)) {
    if (is_short_name_of_live_process(entry.path().filename().native())) continue;
    const std::size_t ended = end_qemus_in(entry.path());
    std::error_code ignored;
    fs::remove_all(entry.path(), ignored);
    found.push_back(fmt::format("{}: the directory of a process that is gone, with {} guests",
                                entry.path().native(), ended));
  }
  return found;
}

}  // namespace crashpath::libvirt
