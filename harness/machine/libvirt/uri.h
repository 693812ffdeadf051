#pragma once

// What a connection URI says before anything is connected (https://libvirt.org/uri.html).

#include <filesystem>
#include <string>
#include <string_view>

#include "harness/base/result.h"

namespace crashpath::libvirt {

struct Uri {
  std::string text = {};            ///< as libvirt takes it
  bool embedded = false;            ///< the driver runs in this process: no daemon
  bool local = false;               ///< the guest's processes are this machine's
  std::filesystem::path root = {};  ///< of an embedded driver; empty: a directory of this process
};

/// Empty: the embedded driver. A usage error for what is no URI of libvirt's QEMU driver.
Result<Uri> parse_uri(std::string_view text);

}  // namespace crashpath::libvirt
