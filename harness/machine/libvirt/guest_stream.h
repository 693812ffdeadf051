#pragma once

// A console or a channel of a domain, wherever its host is.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "harness/machine/libvirt/handles.h"

namespace crashpath::libvirt {

class GuestStream {
 public:
  /// Called on the event loop's thread.
  struct Handler {
    std::function<void(std::string_view bytes)> on_bytes;
    std::function<void()> on_end;  ///< the other side is gone; once
  };

  /// The first console of a domain that is there.
  static Result<std::unique_ptr<GuestStream>> open_console(virConnectPtr connection, virDomainPtr domain,
                                                           Handler handler);
  /// The channel of this name, as the guest sees it.
  static Result<std::unique_ptr<GuestStream>> open_channel(virConnectPtr connection, virDomainPtr domain,
                                                           const char* name, Handler handler);
  ~GuestStream();
  GuestStream(const GuestStream&) = delete;
  GuestStream& operator=(const GuestStream&) = delete;

  /// Sends when the other side takes it. A host error when it is gone, or when it has taken nothing of the
  /// last 16 MiB.
  Result<> send(std::string_view bytes);

 private:
  struct State;
  explicit GuestStream(std::shared_ptr<State> state) : state_(std::move(state)) {}
  static Result<std::unique_ptr<GuestStream>> listen(Stream stream, Handler handler);
  static void on_event(virStreamPtr stream, int events, void* opaque);
  std::shared_ptr<State> state_;
};

}  // namespace crashpath::libvirt
