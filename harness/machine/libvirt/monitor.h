#pragma once

// QEMU's monitor (QMP) through libvirt.

#include <libvirt/libvirt.h>

#include <boost/json.hpp>
#include <functional>
#include <string_view>

#include "harness/base/result.h"

namespace crashpath::libvirt {

/// The "return" of a command. `fd`: goes with it (SCM_RIGHTS), to a QEMU of this machine; -1: none. `on_line`
/// hears both lines, as MachineConfig::on_monitor_line.
Result<boost::json::value> monitor_command(
    virDomainPtr domain, std::string_view name, const boost::json::object& arguments, int fd,
    const std::function<void(std::string_view direction, std::string_view line)>& on_line);

}  // namespace crashpath::libvirt
