#pragma once

// What the QEMUs of a connection's domains say on their monitors.

#include <libvirt/libvirt.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "harness/base/result.h"

namespace crashpath::libvirt {

/// Listens for all domains at once, and tells each event to who wants those of its domain. libvirt's remote
/// driver tells its daemon only of a connection's first listener to events of any name, because it counts
/// those of other domains as the same one (src/conf/domain_event.c,
/// virDomainQemuMonitorEventStateRegisterID(); src/conf/object_event.c, virObjectEventCallbackListCount()):
/// had the first one asked for its own domain, the others would hear nothing. May be used from several
/// threads.
class MonitorEvents {
 public:
  /// The event's name, and its data as JSON, empty without any. Called by the event loop's thread.
  using Listener = std::function<void(std::string_view name, std::string_view data)>;

  /// A host error where libvirt refuses the first listener.
  Result<> listen(virConnectPtr connection, const std::string& domain, Listener listener);
  /// Nothing more is told of this domain, but for an event that is being told. No error when it is unknown.
  void forget(virConnectPtr connection, const std::string& domain);

 private:
  struct Listeners {
    std::mutex mutex;
    std::map<std::string, Listener> of_domains;
  };
  static void on_event(virConnectPtr, virDomainPtr domain, const char* event, long long, unsigned,
                       const char* details, void* opaque);

  std::mutex mutex_;   ///< of callback_
  int callback_ = -1;  ///< there while there are listeners: a connection with one is never closed
  std::shared_ptr<Listeners> listeners_ = std::make_shared<Listeners>();
};

}  // namespace crashpath::libvirt
