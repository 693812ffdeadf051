#pragma once

// How QEMU executes the guest: by what this host really can do.

#include <filesystem>
#include <string>
#include <string_view>

#include "harness/machine/architecture.h"

namespace crashpath {

enum class Accelerator { tcg, kvm };
std::string_view to_string(Accelerator accelerator);

struct AcceleratorChoice {
  Accelerator accelerator = Accelerator::tcg;
  std::string reason;  ///< why not KVM; empty with KVM
};

/// KVM when the guest's architecture is the host's, /dev/kvm can be opened, and this QEMU starts with it;
/// else TCG.
AcceleratorChoice choose_accelerator(const Architecture& architecture, const std::filesystem::path& qemu);

}  // namespace crashpath
