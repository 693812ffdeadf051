#pragma once

// Files of guests on the host that runs them: what a guest boots from, its disk, and what is left of it.

#include <libvirt/libvirt.h>

#include <filesystem>
#include <memory>
#include <string>

#include "harness/base/result.h"

namespace crashpath::libvirt {

/// May be used from several threads. Whatever is still there when this ends is removed.
class HostFiles {
 public:
  virtual ~HostFiles() = default;

  /// A file of this machine that any guest may read: its path there. Brought over once for all guests.
  virtual Result<std::string> publish(const std::filesystem::path& file) = 0;
  /// A new sparse file of so many bytes that a guest may write: its path there.
  virtual Result<std::string> create(const std::string& name, std::uint64_t bytes) = 0;
  /// Where a file of this name is, or would be. What libvirt or QEMU write is created first: a pool knows
  /// only volumes that it made, until it is looked through again, which it refuses while it is busy.
  virtual std::string path_of(const std::string& name) = 0;
  /// Brings a file of these names here, as a sparse one, and removes it there.
  virtual Result<> fetch(const std::string& name, const std::filesystem::path& to) = 0;
  /// Nothing when there is no such file.
  virtual void remove(const std::string& name) = 0;
};

/// A directory of this machine, for QEMUs that run as this user (-1: as we do).
Result<std::unique_ptr<HostFiles>> make_local_files(const std::filesystem::path& directory, uid_t user);

/// The storage pool "crashpath" of another host, made if it is not there (a directory, transient), by the
/// connection's storage API. The connection has to outlive it.
Result<std::unique_ptr<HostFiles>> make_pool_files(virConnectPtr connection);

inline constexpr const char* kPoolName = "crashpath";

}  // namespace crashpath::libvirt
