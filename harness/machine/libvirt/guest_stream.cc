#include "harness/machine/libvirt/guest_stream.h"

#include <fmt/format.h>

#include <array>
#include <mutex>

namespace crashpath::libvirt {
namespace {

constexpr std::size_t kMaxUnsent = std::size_t{16} << 20;
constexpr int kReadable = VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP;
/// What virStreamSend() and virStreamRecv() return where others say EAGAIN.
constexpr int kNotNow = -2;

}  // namespace

/// Shared with the event loop, which may be in a callback when the stream is given up.
struct GuestStream::State {
  Stream stream;
  Handler handler;
  bool ended = false;  ///< used by the event loop's thread alone
  std::mutex mutex;    ///< of what follows
  std::string unsent;

  void receive();
  bool flush();
};

void GuestStream::State::receive() {
  std::array<char, 65536> bytes;
  while (!ended) {
    const int length = virStreamRecv(stream.get(), bytes.data(), bytes.size());
    if (length == kNotNow) return;
    if (length > 0) {
      handler.on_bytes({bytes.data(), static_cast<std::size_t>(length)});
      continue;
    }
    ended = true;
    virStreamEventRemoveCallback(stream.get());
    handler.on_end();
  }
}

/// False when the other side is gone. The mutex is held.
bool GuestStream::State::flush() {
  while (!unsent.empty()) {
    const int sent = virStreamSend(stream.get(), unsent.data(), unsent.size());
    if (sent == kNotNow) break;
    if (sent < 0) return false;
    unsent.erase(0, static_cast<std::size_t>(sent));
  }
  virStreamEventUpdateCallback(stream.get(),
                               unsent.empty() ? kReadable : kReadable | VIR_STREAM_EVENT_WRITABLE);
  return true;
}

void GuestStream::on_event(virStreamPtr, int events, void* opaque) {
  const std::shared_ptr<State> state = *static_cast<std::shared_ptr<State>*>(opaque);
  if (events & kReadable) state->receive();
  if (state->ended || !(events & VIR_STREAM_EVENT_WRITABLE)) return;
  const std::scoped_lock lock(state->mutex);
  state->flush();
}

Result<std::unique_ptr<GuestStream>> GuestStream::listen(Stream stream, Handler handler) {
  auto state = std::make_shared<State>();
  state->stream = std::move(stream);
  state->handler = std::move(handler);
  auto* opaque = new std::shared_ptr(state);
  const auto forget = [](void* pointer) { delete static_cast<std::shared_ptr<State>*>(pointer); };
  if (virStreamEventAddCallback(state->stream.get(), kReadable, on_event, opaque, forget) != 0) {
    forget(opaque);
    return last_error("cannot listen to the guest");
  }
  return std::unique_ptr<GuestStream>(new GuestStream(std::move(state)));
}

Result<std::unique_ptr<GuestStream>> GuestStream::open_console(virConnectPtr connection, virDomainPtr domain,
                                                               Handler handler) {
  Stream stream(virStreamNew(connection, VIR_STREAM_NONBLOCK));
  if (!stream || virDomainOpenConsole(domain, nullptr, stream.get(), 0) != 0)
    return last_error("cannot open the guest's console");
  return listen(std::move(stream), std::move(handler));
}

Result<std::unique_ptr<GuestStream>> GuestStream::open_channel(virConnectPtr connection, virDomainPtr domain,
                                                               const char* name, Handler handler) {
  Stream stream(virStreamNew(connection, VIR_STREAM_NONBLOCK));
  if (!stream || virDomainOpenChannel(domain, name, stream.get(), 0) != 0)
    return last_error(fmt::format("cannot open the guest's channel {}", name));
  return listen(std::move(stream), std::move(handler));
}

GuestStream::~GuestStream() {
  virStreamEventRemoveCallback(state_->stream.get());
  virStreamAbort(state_->stream.get());
}

Result<> GuestStream::send(std::string_view bytes) {
  const std::scoped_lock lock(state_->mutex);
  if (state_->unsent.size() + bytes.size() > kMaxUnsent)
    return Error::host("the guest's host takes nothing of what is sent to it");
  state_->unsent += bytes;
  if (!state_->flush()) return last_error("the connection to the guest is closed");
  return {};
}

}  // namespace crashpath::libvirt
