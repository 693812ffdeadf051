#pragma once

// Messages to the host: gives each its envelope and hands it on as one line.

#include <boost/json.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace crashpath {

class Outbox {
 public:
  using Sink = std::function<void(std::string_view line)>;  ///< gets a line without its end

  /// `kernel`: "first" or "second".
  Outbox(std::string_view kernel, Sink sink) : kernel_(kernel), sink_(std::move(sink)) {}

  /// Adds type, kernel, seq and uptime to the members and sends the message. Returns false, and sends
  /// nothing, when the line would be longer than the protocol allows.
  bool send(std::string_view type, const boost::json::object& members);

  const std::string& kernel() const { return kernel_; }

 private:
  std::string kernel_;
  Sink sink_;
  std::uint64_t seq_ = 0;
};

}  // namespace crashpath
