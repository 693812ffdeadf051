#pragma once

// Whose a domain, a volume or a directory is: the process that made it, in words that still say so when that
// process is gone.

#include <optional>
#include <string>
#include <string_view>

namespace crashpath::libvirt {

/// "MACHINE.BOOT.PID.START": parts of /etc/machine-id and of the boot's id, the process id, and when the
/// process began (/proc/PID/stat, field 22). Fits into a domain's and a volume's name.
std::string owner_of_this_process();

enum class OwnerState {
  alive,     ///< runs, or runs on a machine that we cannot look into
  gone,      ///< was a process of this machine and is no more
  no_owner,  ///< these are not the words of an owner
};
OwnerState owner_state(std::string_view owner);

/// Domains and volumes of ours are called "crashpath-OWNER-REST": the owner, or none.
std::optional<std::string> owner_in_name(std::string_view name);
std::string name_of_ours(std::string_view rest);

/// "PID.START": short enough for directories with sockets, and for this machine alone.
std::string short_name_of_this_process();
bool is_short_name_of_live_process(std::string_view name);

}  // namespace crashpath::libvirt
