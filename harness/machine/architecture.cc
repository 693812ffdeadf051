#include "harness/machine/architecture.h"

namespace crashpath {
namespace {

/// No self-tests of ciphers and signatures, no jitter entropy, no zeroing of every allocation, no
/// certificates of the firmware. The built-in ones stay: without them every module taints the kernel.
constexpr std::string_view kLeanCaptureAppend =
    "cryptomgr.notests init_on_alloc=0 "
    "initcall_blacklist=jent_mod_init,load_uefi_certs";

}  // namespace

const std::vector<Architecture>& architectures() {
  static const std::vector<Architecture> all = {
      {.name = "arm64",
       .debian_architecture = "arm64",
       .triplet = "aarch64-linux-gnu",
       .kernel_arch = "arm64",
       .kernel_image = "vmlinuz",
       .uname_machine = "aarch64",
       .qemu_binary = "qemu-system-aarch64",
       .qemu_package = "qemu-system-arm",
       .qemu_machine = "virt",
       .libvirt_arch = "aarch64",
       .default_cpu = "cortex-a57",
       // ID_AA64MMFR0_EL1.TGran16. pauth-impdef: TCG computes the architected QARMA5 signatures slowly.
       .all_page_sizes_cpu = "max,pauth-impdef=on",
       .console = "ttyAMA0",
       .crashkernel = "256M",
       .kexec_argument = "--serial=ttyAMA0",
       // earlycon: a crash kernel that dies for lack of memory does so before its console driver is there.
       // The address is that of virt's first UART (QEMU hw/arm/virt.c, VIRT_UART).
       .capture_append = "nr_cpus=1 reset_devices nowatchdog earlycon=pl011,0x9000000",
       .lean_capture_append = kLeanCaptureAppend,
       .ram_base = 0x40000000,
       .has_nmi = false,
       .has_firmware_option = true},
      {.name = "pseries",
       .debian_architecture = "ppc64el",
       .triplet = "powerpc64le-linux-gnu",
       .kernel_arch = "powerpc",
       .kernel_image = "vmlinux",
       .uname_machine = "ppc64le",
       .qemu_binary = "qemu-system-ppc64",
       .qemu_package = "qemu-system-ppc",
       .qemu_machine = "pseries",
       .libvirt_arch = "ppc64le",
       .default_cpu = "power9",
       .all_page_sizes_cpu = "power9",
       .console = "hvc0",
       .crashkernel = "256M",
       .kexec_argument = "",
       // All CPUs: those that a crash kernel leaves behind spin in kexec's hold loop, and under TCG each
       // spinning vCPU burns a host CPU (trigger to second userspace 4.3 s with all four, 7.2 s and more with
       // nr_cpus=1).
       // nowatchdog: under TCG a crash kernel's watchdog sees the host's load and calls it a hard lockup.
       .capture_append = "reset_devices nowatchdog",
       .lean_capture_append = kLeanCaptureAppend,
       .ram_base = 0,
       .has_nmi = true,
       .has_firmware_option = false},
  };
  return all;
}

const Architecture* find_architecture(std::string_view name) {
  for (const auto& architecture : architectures())
    if (architecture.name == name) return &architecture;
  return nullptr;
}

}  // namespace crashpath
