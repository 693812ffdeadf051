#include "harness/machine/qemu/launch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>

#include "harness/machine/firmware.h"
#include "harness/process/command.h"

namespace crashpath {
namespace {

Result<std::filesystem::path> find_qemu(const Architecture& architecture) {
  const std::filesystem::path found = find_program(architecture.qemu_binary);
  if (!found.empty()) return found;
  return Error::host(fmt::format("there is no {} in PATH", architecture.qemu_binary))
      .with_hint(fmt::format("apt-get install {}", architecture.qemu_package));
}

/// Paths for QEMU that lead to descriptors of ours, so that neither a home directory's permissions nor a
/// comma in a file's name stands between QEMU and its files.
class Files {
 public:
  explicit Files(QemuLaunch& launch) : launch_(launch) {}

  std::string inherit(int fd) {
    launch_.child.inherit.push_back(fd);
    return fmt::format("/proc/self/fd/{}", fd);
  }

  /// A file that QEMU reads. It opens it again by that path, as the user it runs as.
  Result<std::string> readable(const std::filesystem::path& path) {
    if (path.empty()) return std::string();
    UniqueFd fd = CP_TRY(open_file(path, O_RDONLY));
    struct stat status {};
    ::fstat(fd.get(), &status);
    everyone_reads_ = everyone_reads_ && (status.st_mode & S_IROTH) != 0;
    return keep(std::move(fd));
  }

  std::string keep(UniqueFd fd) {
    launch_.files.push_back(std::move(fd));
    return inherit(launch_.files.back().get());
  }

  bool everyone_reads() const { return everyone_reads_; }

 private:
  QemuLaunch& launch_;
  bool everyone_reads_ = true;
};

/// The new, sparse file behind the guest's disk.
Result<UniqueFd> create_disk(const MachineConfig& config) {
  UniqueFd fd = CP_TRY(open_file(config.capture_disk, O_RDWR | O_CREAT | O_TRUNC));
  if (::ftruncate(fd.get(), static_cast<off_t>(config.capture_disk_size)) != 0)
    return Error::from_errno(
        fmt::format("cannot make {} {} bytes long", config.capture_disk.native(), config.capture_disk_size));
  return fd;
}

/// Text as a file, read from its beginning.
Result<UniqueFd> memory_file(std::string_view content) {
  UniqueFd fd(::memfd_create("crashpath-device-state", MFD_CLOEXEC));
  if (!fd) return Error::from_errno("cannot create a memory file");
  CP_TRY(write_all(fd.get(), content, "a memory file"));
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

/// Where the build puts it; an installed crashpath says so by CRASHPATH_LIBRARY_DIR.
std::filesystem::path private_ram_library() {
  const char* directory = std::getenv("CRASHPATH_LIBRARY_DIR");
  return std::filesystem::path(directory != nullptr ? directory : CRASHPATH_BUILT_LIBRARY_DIR) /
         "libcrashpath_private_ram.so";
}

std::string socket_chardev(QemuLaunch& launch, const SocketPair& pair) {
  launch.child.inherit.push_back(pair.theirs.get());
  return fmt::format("socket,fd={}", pair.theirs.get());
}

/// Root's QEMU becomes nobody, when nobody can read what it needs. /dev/kvm is not for nobody.
std::optional<ChildUser> user_for(const QemuEndpoints& endpoints, const Files& files) {
  if (::geteuid() != 0 || endpoints.accelerator == Accelerator::kvm || !files.everyone_reads())
    return std::nullopt;
  return find_nobody();
}

Result<> add_disk(const MachineConfig& config, QemuLaunch& launch, QemuEndpoints& endpoints) {
  if (config.capture_disk.empty()) return {};
  UniqueFd disk = CP_TRY(create_disk(config));
  endpoints.capture_disk_fd = disk.get();
  // Not by /proc/self/fd: this file is ours to write alone, and a descriptor set needs no permission.
  endpoints.capture_disk = "/dev/fdset/1";
  Files(launch).keep(std::move(disk));
  return {};
}

boost::json::object describe(const QemuLaunch& launch, const QemuEndpoints& endpoints,
                             const AcceleratorChoice& choice, const std::filesystem::path& firmware) {
  utsname host{};
  ::uname(&host);
  boost::json::object description{
      {"backend", "qemu"},
      {"program", endpoints.program},
      {"accelerator", to_string(choice.accelerator)},
      {"accelerator_reason", choice.reason},
      {"firmware", firmware.native()},
      {"sandbox", true},
      {"argv", boost::json::array(launch.child.argv.begin(), launch.child.argv.end())},
      {"host_kernel", host.release},
      {"host_machine", host.machine}};
  if (launch.child.user) description["user"] = "nobody";
  return description;
}

}  // namespace

Result<QemuLaunch> prepare_qemu(const MachineConfig& config, const GuestRam& ram) {
  const std::filesystem::path program = CP_TRY(find_qemu(*config.architecture));
  const std::filesystem::path firmware = CP_TRY(find_firmware(config));
  const AcceleratorChoice choice = choose_accelerator(*config.architecture, program);

  QemuLaunch launch;
  Files files(launch);
  QemuEndpoints endpoints{.program = program.native(),
                          .accelerator = choice.accelerator,
                          .log_guest_errors = true,
                          .paused = true};
  endpoints.kernel = CP_TRY(files.readable(config.kernel));
  endpoints.initramfs = CP_TRY(files.readable(config.initramfs));
  endpoints.firmware = CP_TRY(files.readable(firmware));
  endpoints.memory = files.inherit(ram.fd());
  if (config.fork_of) {
    endpoints.incoming = true;
    launch.child.environment["LD_PRELOAD"] = CP_TRY(files.readable(private_ram_library()));
    launch.device_state = CP_TRY(memory_file(*config.fork_of->device_state));
    launch.child.inherit.push_back(launch.device_state.get());
  }
  launch.child.user = user_for(endpoints, files);
  CP_TRY(add_disk(config, launch, endpoints));

  launch.console = CP_TRY(make_socket_pair());
  launch.agent = CP_TRY(make_socket_pair());
  launch.monitor = CP_TRY(make_socket_pair());
  launch.log = CP_TRY(make_socket_pair());
  launch.child.err = launch.log.theirs.get();
  endpoints.console = socket_chardev(launch, launch.console);
  endpoints.agent = socket_chardev(launch, launch.agent);
  endpoints.monitor = socket_chardev(launch, launch.monitor);
  launch.child.argv = qemu_command_line(config, endpoints);
  launch.description = describe(launch, endpoints, choice, firmware);
  return launch;
}

Result<std::string> qemu_identity(const MachineConfig& config) {
  const std::filesystem::path program = CP_TRY(find_qemu(*config.architecture));
  std::string identity(to_string(choose_accelerator(*config.architecture, program).accelerator));
  for (const auto& file : {program, CP_TRY(find_firmware(config)), private_ram_library()}) {
    struct stat status {};
    if (file.empty() || ::stat(file.c_str(), &status) != 0) continue;
    identity += fmt::format(" {} {} {}.{:09}", file.native(), status.st_size, status.st_mtim.tv_sec,
                            status.st_mtim.tv_nsec);
  }
  return identity;
}

Result<QemuEndpoints> replay_endpoints(const MachineConfig& config) {
  const std::filesystem::path program = CP_TRY(find_qemu(*config.architecture));
  const std::filesystem::path firmware = CP_TRY(find_firmware(config));
  return QemuEndpoints{.program = std::string(config.architecture->qemu_binary),
                       .accelerator = choose_accelerator(*config.architecture, program).accelerator,
                       .kernel = config.kernel.native(),
                       .initramfs = config.initramfs.native(),
                       .firmware = firmware.native(),
                       .capture_disk = config.capture_disk.native(),
                       .console = "stdio,signal=off"};
}

}  // namespace crashpath
