#pragma once

// A machine's configuration as a libvirt domain: out of the same data as QEMU's command line, and of the same
// guest. What the domain format has no word for stands in QEMU's own words behind it (<qemu:commandline>).

#include <string>
#include <string_view>

#include "harness/machine/machine.h"
#include "harness/machine/qemu/accelerator.h"

namespace crashpath {

/// Of the <metadata> by which we know our own domains again.
inline constexpr std::string_view kMetadataNamespace = "urn:crashpath:guest";
inline constexpr std::string_view kMetadataElement = "guest";

/// Where things are on the host that runs the guest: paths of that host, not of this one.
struct DomainPlace {
  std::string name = {};   ///< of the domain
  std::string owner = {};  ///< who removes it: the owner of leftovers.h
  std::string emulator = {};
  Accelerator accelerator = Accelerator::tcg;
  std::string kernel = {};
  std::string initramfs = {};     ///< empty: none
  std::string firmware = {};      ///< UEFI; empty: none
  std::string capture_disk = {};  ///< raw file behind /dev/vda; empty: no disk
  std::string agent_socket = {};  ///< of the agent's port; empty: libvirt chooses
  std::string console_log = {};   ///< file to which QEMU copies the console; empty: none
};

/// Pure: opens nothing, asks no libvirt. The domain's first serial port is a pseudo terminal; the agent's
/// port is a socket whose path libvirt chooses.
std::string domain_xml(const MachineConfig& config, const DomainPlace& place);

}  // namespace crashpath
