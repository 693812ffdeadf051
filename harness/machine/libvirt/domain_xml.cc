#include "harness/machine/libvirt/domain_xml.h"

#include <fmt/format.h>

#include <pugixml.hpp>
#include <sstream>

namespace crashpath {
namespace {

using Node = pugi::xml_node;

void set(Node node, const char* name, std::string_view value) {
  node.append_attribute(name).set_value(std::string(value).c_str());
}

Node add(Node parent, const char* name,
         std::initializer_list<std::pair<const char*, std::string_view>> attributes = {},
         std::string_view text = {}) {
  Node node = parent.append_child(name);
  for (const auto& [key, value] : attributes) set(node, key, value);
  if (!text.empty()) node.text().set(std::string(text).c_str());
  return node;
}

bool is_virt(const MachineConfig& config) {
  return config.architecture->qemu_machine == "virt";
}

/// The guest's RAM is a memory file, whose device state needs no copy of it (docs/machines.md).
void add_memory(Node domain, const MachineConfig& config) {
  add(domain, "memory", {{"unit", "MiB"}}, std::to_string(config.memory_mib));
  const Node backing = add(domain, "memoryBacking");
  add(backing, "source", {{"type", "memfd"}});
  add(backing, "access", {{"mode", "shared"}});
}

void add_boot(Node domain, const MachineConfig& config, const DomainPlace& place) {
  const Node os = add(domain, "os");
  const std::string_view machine = config.architecture->qemu_machine;
  add(os, "type", {{"arch", config.architecture->libvirt_arch}, {"machine", machine}}, "hvm");
  if (!place.firmware.empty()) add(os, "loader", {{"readonly", "yes"}, {"type", "rom"}}, place.firmware);
  add(os, "kernel", {}, place.kernel);
  if (!place.initramfs.empty()) add(os, "initrd", {}, place.initramfs);
  add(os, "cmdline", {}, config.append);
}

void add_features(Node domain, const MachineConfig& config, Accelerator accelerator) {
  const bool kvm = accelerator == Accelerator::kvm;
  const Node features = add(domain, "features");
  if (is_virt(config)) {
    const Node gic = add(features, "gic");
    // With KVM the host's own GIC decides which version there can be.
    if (!config.gic_version.empty())
      set(gic, "version", config.gic_version);
    else if (!kvm)
      set(gic, "version", "3");
  } else if (!kvm) {
    // TCG implements none of these mitigations, and warns (QEMU hw/ppc/spapr_caps.c).
    for (const char* capability : {"cfpc", "sbbc", "ibs"}) add(features, capability, {{"value", "broken"}});
    add(features, "ccf-assist", {{"state", "off"}});
  }
}

void add_cpus(Node domain, const MachineConfig& config, Accelerator accelerator) {
  const std::string cpus = std::to_string(config.cpus);
  add(domain, "vcpu", {}, cpus);
  const Node cpu = add(domain, "cpu");
  if (accelerator == Accelerator::kvm) {
    set(cpu, "mode", "host-passthrough");
    set(cpu, "check", "none");
  }
  add(cpu, "topology", {{"sockets", "1"}, {"cores", cpus}, {"threads", "1"}});
}

void add_address(Node device, std::string_view slot) {
  add(device, "address", {{"type", "pci"}, {"domain", "0"}, {"bus", "0"}, {"slot", slot}, {"function", "0"}});
}

/// As QEMU's command line has it, and for the same reasons: see add_disk() there.
void add_disk(Node devices, const DomainPlace& place) {
  if (place.capture_disk.empty()) return;
  const Node disk =
      add(devices, "disk", {{"type", "file"}, {"device", "disk"}, {"model", "virtio-non-transitional"}});
  add(disk, "driver",
      {{"name", "qemu"},
       {"type", "raw"},
       {"cache", "unsafe"},
       {"error_policy", "stop"},
       {"rerror_policy", "stop"},
       {"discard", "unmap"},
       {"detect_zeroes", "unmap"}});
  add(disk, "source", {{"file", place.capture_disk}});
  add(disk, "target", {{"dev", "vda"}, {"bus", "virtio"}});
  add_address(disk, "2");
}

/// A pseudo terminal is the one kind of console that libvirt also brings from another host
/// (virDomainOpenConsole), a socket the one kind of channel (virDomainOpenChannel).
void add_channels(Node devices, const DomainPlace& place) {
  const Node serial = add(devices, "serial", {{"type", "pty"}});
  if (!place.console_log.empty()) add(serial, "log", {{"file", place.console_log}, {"append", "off"}});
  add(serial, "target", {{"port", "0"}});
  const Node bus = add(devices, "controller",
                       {{"type", "virtio-serial"}, {"index", "0"}, {"model", "virtio-non-transitional"}});
  add_address(bus, "1");
  const Node channel = add(devices, "channel", {{"type", "unix"}});
  const Node source = add(channel, "source", {{"mode", "bind"}});
  if (!place.agent_socket.empty()) set(source, "path", place.agent_socket);
  add(channel, "target", {{"type", "virtio"}, {"name", "crashpath.agent"}});
}

void add_devices(Node domain, const DomainPlace& place) {
  const Node devices = add(domain, "devices");
  add(devices, "emulator", {}, place.emulator);
  add_disk(devices, place);
  add(devices, "controller", {{"type", "usb"}, {"model", "none"}});
  add_channels(devices, place);
  const Node rng = add(devices, "rng", {{"model", "virtio-non-transitional"}});
  add(rng, "backend", {{"model", "builtin"}});
  add_address(rng, "3");
  add(devices, "memballoon", {{"model", "none"}});
}

/// -machine and -cpu given again add to what libvirt gave, or replace it (QEMU softmmu/vl.c).
void add_qemu_words(Node domain, const MachineConfig& config, Accelerator accelerator) {
  const Node words = add(domain, "qemu:commandline");
  const auto say = [&](std::string_view option, std::string_view value) {
    add(words, "qemu:arg", {{"value", option}});
    add(words, "qemu:arg", {{"value", value}});
  };
  // libvirt offers ACPI on arm64 only together with a variable store, and knows no ITS and no ic-mode.
  if (is_virt(config)) {
    std::string options = config.acpi ? "acpi=on" : "acpi=off";
    if (config.gic_version != "2") options += config.its ? ",its=on" : ",its=off";
    say("-machine", options);
  } else {
    say("-machine", fmt::format("ic-mode={}", config.ic_mode.empty() ? "xive" : config.ic_mode));
  }
  if (accelerator == Accelerator::tcg)
    say("-cpu", config.cpu_model.empty() ? config.architecture->default_cpu : config.cpu_model);
  say("-d", "guest_errors,unimp");
  for (const auto& event : config.trace_events) say("-trace", "enable=" + event);
}

}  // namespace

std::string domain_xml(const MachineConfig& config, const DomainPlace& place) {
  pugi::xml_document document;
  Node domain = add(document, "domain",
                    {{"type", place.accelerator == Accelerator::kvm ? "kvm" : "qemu"},
                     {"xmlns:qemu", "http://libvirt.org/schemas/domain/qemu/1.0"}});
  add(domain, "name", {}, place.name);
  const Node ours =
      add(add(domain, "metadata"), "crashpath:guest", {{"xmlns:crashpath", kMetadataNamespace}});
  set(ours, "owner", place.owner);
  add_memory(domain, config);
  add_cpus(domain, config, place.accelerator);
  add_boot(domain, config, place);
  add_features(domain, config, place.accelerator);
  // A guest that resets itself ends the machine: what a boot after it would print is nobody's evidence.
  for (const char* end : {"on_poweroff", "on_reboot", "on_crash"}) add(domain, end, {}, "destroy");
  add_devices(domain, place);
  add_qemu_words(domain, config, place.accelerator);
  std::ostringstream text;
  document.save(text, "  ", pugi::format_default | pugi::format_no_declaration);
  return text.str();
}

}  // namespace crashpath
