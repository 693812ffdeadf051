#include "harness/machine/qemu/accelerator.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include "harness/base/file.h"
#include "harness/process/command.h"

namespace crashpath {

std::string_view to_string(Accelerator accelerator) {
  return accelerator == Accelerator::kvm ? "kvm" : "tcg";
}

AcceleratorChoice choose_accelerator(const Architecture& architecture, const std::filesystem::path& qemu) {
  utsname host{};
  ::uname(&host);
  if (architecture.uname_machine != host.machine)
    return {.reason = fmt::format("the host is {}", host.machine)};
  const auto device = open_file("/dev/kvm", O_RDWR);
  if (!device) return {.reason = device.error().message()};
  // A device that opens may still be of no use: nested without support, or a kernel module of another
  // vendor's CPU.
  const auto probe = run_command({.argv = {qemu.native(), "-machine", "none", "-accel", "kvm", "-nodefaults",
                                           "-display", "none", "-monitor", "stdio"},
                                  .timeout = std::chrono::seconds(20),
                                  .input = "quit\n"});
  if (!probe) return {.reason = probe.error().message()};
  if (probe->exit_code != 0) return {.reason = fmt::format("QEMU does not start with KVM: {}", probe->err)};
  return {.accelerator = Accelerator::kvm, .reason = ""};
}

}  // namespace crashpath
