#pragma once

// What a harness that was killed left on a host. Ours alone: domains are known by their metadata, volumes by
// their names, and both by an owner that is gone (owner.h).

#include <libvirt/libvirt.h>

#include <string>
#include <vector>

namespace crashpath::libvirt {

/// Ends domains and deletes volumes whose owners are gone. What was found, a line each.
std::vector<std::string> clean_host(virConnectPtr connection);

}  // namespace crashpath::libvirt
