#include "harness/machine/qemu/channel.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <cstring>

namespace crashpath {

namespace asio = boost::asio;

namespace {
constexpr std::size_t kMaxUnsent = std::size_t{16} << 20;
}

/// Shared with the operations under way, which may complete after the channel is gone.
struct Channel::State : std::enable_shared_from_this<State> {
  State(asio::io_context& io, UniqueFd fd, Handler handler_)
      : socket(io, asio::local::stream_protocol(), fd.release()), handler(std::move(handler_)) {}

  void read() {
    socket.async_read_some(
        asio::buffer(received),
        [self = shared_from_this()](const boost::system::error_code& code, std::size_t length) {
          if (!self->socket.is_open()) return;
          if (code) return self->end();
          self->handler.on_bytes({self->received.data(), length});
          if (self->socket.is_open()) self->read();
        });
  }

  void write() {
    sending.swap(unsent);
    asio::async_write(socket, asio::buffer(sending),
                      [self = shared_from_this()](const boost::system::error_code& code, std::size_t) {
                        self->sending.clear();
                        // A broken connection ends the read too, and that one says so.
                        if (!code && self->socket.is_open() && !self->unsent.empty()) self->write();
                      });
  }

  void end() {
    close();
    if (handler.on_end) handler.on_end();
  }

  void close() {
    boost::system::error_code ignored;
    socket.close(ignored);
  }

  asio::local::stream_protocol::socket socket;
  Handler handler;
  std::array<char, 65536> received;
  std::string sending;
  std::string unsent;
};

Result<SocketPair> make_socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return Error::from_errno("cannot create a socket pair");
  return SocketPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Channel::Channel(asio::io_context& io, UniqueFd socket, Handler handler)
    : state_(std::make_shared<State>(io, std::move(socket), std::move(handler))) {
  state_->read();
}

Channel::~Channel() {
  close();
}

bool Channel::is_open() const {
  return state_->socket.is_open();
}

Result<> Channel::send(std::string_view bytes) {
  if (!is_open()) return Error::host("the connection to QEMU is closed");
  if (state_->unsent.size() + bytes.size() > kMaxUnsent)
    return Error::host("QEMU takes nothing of what is sent to it");
  state_->unsent += bytes;
  if (state_->sending.empty()) state_->write();
  return {};
}

Result<> Channel::send_with_descriptor(std::string_view bytes, int fd) {
  if (!is_open()) return Error::host("the connection to QEMU is closed");
  if (!state_->sending.empty()) return Error::host("QEMU takes nothing of what is sent to it");
  iovec data{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof fd)> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  const ssize_t sent = ::sendmsg(state_->socket.native_handle(), &message, MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(bytes.size()))
    return Error::from_errno("cannot send a descriptor to QEMU");
  return {};
}

void Channel::close() {
  state_->close();
}

}  // namespace crashpath
