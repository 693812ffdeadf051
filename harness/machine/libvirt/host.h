#pragma once

// A connection to a libvirt, and what its host can do.

#include <boost/json.hpp>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "harness/machine/architecture.h"
#include "harness/machine/libvirt/embedded_root.h"
#include "harness/machine/libvirt/files.h"
#include "harness/machine/libvirt/handles.h"
#include "harness/machine/libvirt/monitor_events.h"
#include "harness/machine/libvirt/uri.h"
#include "harness/machine/qemu/accelerator.h"

namespace crashpath::libvirt {

/// How a host runs guests of one architecture.
struct GuestSupport {
  std::string emulator;
  Accelerator accelerator = Accelerator::tcg;
  std::string reason;  ///< why not KVM; empty with KVM
};

/// May be used from several threads.
class Host {
 public:
  /// The one host of this URI in this process, as long as somebody has it: an embedded driver can be opened
  /// only once.
  static Result<std::shared_ptr<Host>> open(const Uri& uri);

  /// Whether the host that open() gave is still there and answers.
  static bool works(const Uri& uri);

  Host(Uri uri, std::optional<EmbeddedRoot> root, Connect connection);
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  const Uri& uri() const { return uri_; }
  virConnectPtr connection() const { return connection_.get(); }
  /// The storage is only asked for when a guest is to run.
  Result<HostFiles*> files();
  /// A host error when it cannot run them at all.
  Result<GuestSupport> support(const Architecture& architecture) const;
  /// "libvirt" and "version" (of the hypervisor), "host": its name.
  boost::json::object describe() const;
  /// Guests that it can run side by side: one for each CPU, as far as 1 GiB for each goes into half of its
  /// memory.
  Result<int> slots() const;
  /// Of an embedded driver: QEMU's own messages are in DOMAIN.log here. Empty: out of our reach.
  std::filesystem::path log_directory() const;
  MonitorEvents& monitor_events() { return monitor_events_; }
  /// Whether the connection still works.
  bool alive() const { return virConnectIsAlive(connection_.get()) == 1; }
  /// Whether somebody is at the other end of it: asks, and waits for the answer.
  bool answers() const;

  /// What others had left when the connection was opened, and is removed: a line each.
  const std::vector<std::string>& found_at_start() const { return found_at_start_; }

 private:
  Uri uri_;
  std::optional<EmbeddedRoot> root_;  ///< outlives the connection
  Connect connection_;
  std::vector<std::string> found_at_start_;
  MonitorEvents monitor_events_;
  std::mutex mutex_;
  std::unique_ptr<HostFiles> files_;
};

}  // namespace crashpath::libvirt
