#include "harness/machine/libvirt/monitor_events.h"

#include <libvirt/libvirt-qemu.h>

#include <utility>

#include "harness/machine/libvirt/handles.h"

namespace crashpath::libvirt {

void MonitorEvents::on_event(virConnectPtr, virDomainPtr domain, const char* event, long long, unsigned,
                             const char* details, void* opaque) {
  Listeners& listeners = **static_cast<std::shared_ptr<Listeners>*>(opaque);
  Listener listener;
  {
    const std::scoped_lock lock(listeners.mutex);
    if (const auto found = listeners.of_domains.find(virDomainGetName(domain));
        found != listeners.of_domains.end())
      listener = found->second;
  }
  if (listener) listener(event, details != nullptr ? details : "");
}

Result<> MonitorEvents::listen(virConnectPtr connection, const std::string& domain, Listener listener) {
  const std::scoped_lock lock(mutex_);
  if (callback_ < 0) {
    callback_ = virConnectDomainQemuMonitorEventRegister(
        connection, nullptr, nullptr, on_event, new std::shared_ptr<Listeners>(listeners_),
        [](void* opaque) { delete static_cast<std::shared_ptr<Listeners>*>(opaque); }, 0);
    if (callback_ < 0) return last_error("cannot listen to QEMU's events");
  }
  const std::scoped_lock listening(listeners_->mutex);
  listeners_->of_domains.insert_or_assign(domain, std::move(listener));
  return {};
}

void MonitorEvents::forget(virConnectPtr connection, const std::string& domain) {
  const std::scoped_lock lock(mutex_);
  bool last = false;
  {
    const std::scoped_lock listening(listeners_->mutex);
    listeners_->of_domains.erase(domain);
    last = listeners_->of_domains.empty();
  }
  if (!last || callback_ < 0) return;
  virConnectDomainQemuMonitorEventDeregister(connection, std::exchange(callback_, -1));
}

}  // namespace crashpath::libvirt
