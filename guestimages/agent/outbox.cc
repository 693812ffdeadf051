#include "guestimages/agent/outbox.h"

#include <ctime>

#include "harness/agent/protocol.h"

namespace crashpath {
namespace {

double uptime_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace

bool Outbox::send(std::string_view type, const boost::json::object& members) {
  boost::json::object message{
      {"type", type}, {"kernel", kernel_}, {"seq", seq_ + 1}, {"uptime", uptime_seconds()}};
  message.insert(members.begin(), members.end());
  const std::string line = boost::json::serialize(message);
  if (line.size() > agent_protocol::max_line) return false;
  ++seq_;
  sink_(line);
  return true;
}

}  // namespace crashpath
