#pragma once

// One end of a socket pair whose other end QEMU has.

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "harness/base/file.h"

namespace crashpath {

struct SocketPair {
  UniqueFd ours;
  UniqueFd theirs;
};
Result<SocketPair> make_socket_pair();

/// Reads whatever comes and writes whatever it is given, without ever blocking. Used by the thread that runs
/// the io_context alone.
class Channel {
 public:
  struct Handler {
    std::function<void(std::string_view bytes)> on_bytes;
    std::function<void()> on_end;  ///< the other side is gone; once, and not after close()
  };

  Channel(boost::asio::io_context& io, UniqueFd socket, Handler handler);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  bool is_open() const;
  /// Sends when the other side takes it. A host error when it is gone, or when it has taken nothing of the
  /// last 16 MiB.
  Result<> send(std::string_view bytes);
  /// Sends at once, with a descriptor for the other side (SCM_RIGHTS, unix(7)). A host error also when what
  /// was sent before is still on its way.
  Result<> send_with_descriptor(std::string_view bytes, int fd);
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace crashpath
