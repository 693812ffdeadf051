#include "harness/machine/qemu/command_line.h"

#include <fmt/format.h>

#include "harness/process/command.h"

namespace crashpath {
namespace {

using Arguments = std::vector<std::string>;

void add(Arguments& argv, std::initializer_list<std::string> words) {
  argv.insert(argv.end(), words);
}

std::string_view or_default(std::string_view value, std::string_view otherwise) {
  return value.empty() ? otherwise : value;
}

/// Options of -machine that only arm64's virt has. hw/arm/virt.c, hw/intc/arm_gicv3*.
std::string virt_options(const MachineConfig& config, Accelerator accelerator) {
  // With KVM the host's own GIC decides which version there can be.
  const std::string_view gic = or_default(config.gic_version, accelerator == Accelerator::kvm ? "host" : "3");
  std::string options = fmt::format(",gic-version={}", gic);
  if (gic != "2") options += config.its ? ",its=on" : ",its=off";
  if (!config.acpi) options += ",acpi=off";
  return options;
}

/// Options of -machine that only pseries has. TCG implements none of the mitigations that the defaults of
/// these capabilities promise, and says so in warnings (hw/ppc/spapr_caps.c).
std::string pseries_options(const MachineConfig& config, Accelerator accelerator) {
  std::string options = fmt::format(",ic-mode={}", or_default(config.ic_mode, "xive"));
  if (accelerator == Accelerator::tcg)
    options += ",cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off";
  return options;
}

void add_machine(Arguments& argv, const MachineConfig& config, const QemuEndpoints& endpoints) {
  const Architecture& architecture = *config.architecture;
  const bool kvm = endpoints.accelerator == Accelerator::kvm;
  std::string machine(architecture.qemu_machine);
  if (machine == "virt") machine += virt_options(config, endpoints.accelerator);
  if (machine == "pseries") machine += pseries_options(config, endpoints.accelerator);
  if (!endpoints.memory.empty()) {
    machine += ",memory-backend=ram";
    add(argv, {"-object", fmt::format("memory-backend-file,id=ram,size={}M,mem-path={},share=on",
                                      config.memory_mib, endpoints.memory)});
  }
  add(argv, {"-machine", machine});
  add(argv, {"-accel", kvm ? std::string("kvm") : fmt::format("tcg,thread={}", config.tcg_thread)});
  add(argv, {"-cpu", std::string(or_default(config.cpu_model, kvm ? "host" : architecture.default_cpu))});
  add(argv, {"-smp", std::to_string(config.cpus), "-m", fmt::format("{}M", config.memory_mib)});
}

void add_boot(Arguments& argv, const MachineConfig& config, const QemuEndpoints& endpoints) {
  if (!endpoints.firmware.empty()) add(argv, {"-bios", endpoints.firmware});
  add(argv, {"-kernel", endpoints.kernel});
  if (!endpoints.initramfs.empty()) add(argv, {"-initrd", endpoints.initramfs});
  add(argv, {"-append", config.append});
}

void add_channels(Arguments& argv, const QemuEndpoints& endpoints) {
  add(argv, {"-chardev", endpoints.console + ",id=console", "-serial", "chardev:console"});
  if (!endpoints.agent.empty()) {
    add(argv, {"-chardev", endpoints.agent + ",id=agent"});
    add(argv, {"-device", "virtio-serial-pci,disable-legacy=on"});
    add(argv, {"-device", "virtserialport,chardev=agent,name=crashpath.agent"});
  }
  if (!endpoints.monitor.empty())
    add(argv, {"-chardev", endpoints.monitor + ",id=monitor", "-mon", "chardev=monitor,mode=control"});
}

/// Cached without flushes ("cache=unsafe"): a host crash may lose the dump, a guest crash cannot. A host that
/// cannot write stops the guest (werror=stop) and is told by an event, so that the guest never sees a failing
/// disk.
void add_disk(Arguments& argv, const QemuEndpoints& endpoints) {
  if (endpoints.capture_disk.empty()) return;
  if (endpoints.capture_disk_fd >= 0)
    add(argv, {"-add-fd", fmt::format("fd={},set=1", endpoints.capture_disk_fd)});
  add(argv, {"-blockdev", fmt::format("driver=raw,node-name=capture,discard=unmap,detect-zeroes=unmap,"
                                      "cache.direct=off,cache.no-flush=on,file.driver=file,file.filename={},"
                                      "file.discard=unmap",
                                      endpoints.capture_disk)});
  add(argv, {"-device", "virtio-blk-pci,drive=capture,disable-legacy=on,werror=stop,rerror=stop"});
}

void add_logs(Arguments& argv, const MachineConfig& config, const QemuEndpoints& endpoints) {
  add(argv, {"-msg", "timestamp=on"});
  if (endpoints.log_guest_errors) add(argv, {"-d", "guest_errors,unimp"});
  for (const auto& event : config.trace_events) add(argv, {"-trace", "enable=" + event});
}

}  // namespace

std::vector<std::string> qemu_command_line(const MachineConfig& config, const QemuEndpoints& endpoints) {
  Arguments argv = {endpoints.program, "-name", "guest=crashpath,debug-threads=on", "-no-user-config",
                    "-nodefaults"};
  add(argv, {"-display", "none", "-nic", "none"});
  add(argv, {"-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"});
  add_machine(argv, config, endpoints);
  add_boot(argv, config, endpoints);
  // A guest that resets itself ends the machine: what a boot after it would print is nobody's evidence.
  add(argv, {"-action", "reboot=shutdown,shutdown=poweroff,panic=shutdown"});
  add_channels(argv, endpoints);
  add_disk(argv, endpoints);
  add(argv, {"-object", "rng-builtin,id=rng", "-device", "virtio-rng-pci,rng=rng,disable-legacy=on"});
  add_logs(argv, config, endpoints);
  if (endpoints.paused) argv.emplace_back("-S");
  if (endpoints.incoming) add(argv, {"-incoming", "defer"});
  return argv;
}

std::string to_shell_lines(const std::vector<std::string>& argv) {
  std::string text;
  for (const auto& word : argv) {
    if (!text.empty()) text += word.starts_with('-') ? " \\\n  " : " ";
    text += shell_quote(word);
  }
  return text + "\n";
}

}  // namespace crashpath
