#include "cli/signals.h"

#include <boost/asio/post.hpp>
#include <csignal>

namespace crashpath {

InterruptionBySignal::InterruptionBySignal(Interruption& interruption)
    : signals_(io_, SIGINT, SIGTERM, SIGHUP) {
  signals_.async_wait([this, &interruption](const boost::system::error_code& code, int) {
    if (code) return;
    signals_.clear();  // the next signal has its default effect again
    interruption.request();
  });
  thread_ = std::thread([this] { io_.run(); });
}

InterruptionBySignal::~InterruptionBySignal() {
  boost::asio::post(io_, [this] { signals_.cancel(); });
  thread_.join();
}

}  // namespace crashpath
