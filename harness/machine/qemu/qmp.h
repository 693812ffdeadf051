#pragma once

// A client of QEMU's machine protocol (QMP, docs/interop/qmp-spec.txt) on one stream socket.

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "harness/console/line_splitter.h"
#include "harness/machine/machine.h"
#include "harness/machine/qemu/channel.h"

namespace crashpath {

/// Synchronous outside: a call runs the io_context until its answer is there, so that events and everything
/// else of that io_context go on meanwhile.
class Qmp {
 public:
  /// No message of QEMU's is longer; a longer one is refused.
  static constexpr std::size_t kMaxLine = std::size_t{8} << 20;

  struct Handler {
    std::function<void(HypervisorEvent)> on_event;
    /// Every line as it went: direction is "in" (from QEMU) or "out".
    std::function<void(std::string_view direction, std::string_view line)> on_line;
    std::function<void()> on_end;
  };

  Qmp(boost::asio::io_context& io, UniqueFd socket, Handler handler);

  /// Takes the greeting and leaves negotiation mode.
  Result<> negotiate(Clock::time_point deadline);

  /// The "return" of a command. A host error when QEMU refuses it, is gone, says what is no QMP, or is silent
  /// until then.
  Result<boost::json::value> execute(std::string_view command, const boost::json::object& arguments,
                                     Clock::time_point deadline);

  /// Gives QEMU a copy of a descriptor under a name (QMP getfd).
  Result<> give_descriptor(std::string_view name, int fd, Clock::time_point deadline);

  bool is_open() const { return channel_.is_open(); }

 private:
  Result<boost::json::value> ask(std::string_view command, const boost::json::object& arguments,
                                 std::optional<int> fd, Clock::time_point deadline);
  void take_bytes(std::string_view bytes);
  void take_line(std::string_view line);
  void take_object(boost::json::object object);
  void fail(std::string why);
  Result<boost::json::object> await(std::string_view what, Clock::time_point deadline);

  boost::asio::io_context& io_;
  Handler handler_;
  LineSplitter splitter_{kMaxLine};
  std::optional<boost::json::object> answer_;  ///< greeting, or what has the id that is waited for
  std::int64_t id_ = 0;                        ///< of the command that is waited for; 0: the greeting
  std::string broken_;                         ///< why nothing more can be done
  Channel channel_;
};

}  // namespace crashpath
