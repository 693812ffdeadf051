#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <thread>

#include "harness/trial/interruption.h"

namespace crashpath {

/// SIGINT, SIGTERM and SIGHUP request an interruption as long as this lives: guests end, and the report of
/// what is done is still written. A second signal ends the program at once; the kernel then kills the guests.
class InterruptionBySignal {
 public:
  explicit InterruptionBySignal(Interruption& interruption);
  ~InterruptionBySignal();
  InterruptionBySignal(const InterruptionBySignal&) = delete;
  InterruptionBySignal& operator=(const InterruptionBySignal&) = delete;

 private:
  boost::asio::io_context io_;
  boost::asio::signal_set signals_;
  std::thread thread_;
};

}  // namespace crashpath
