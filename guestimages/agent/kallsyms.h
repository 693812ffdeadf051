#pragma once

// Addresses of symbols out of /proc/kallsyms, which is too long (10 MiB) to keep.

#include <boost/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "guestimages/agent/line_buffer.h"

namespace crashpath {

class SymbolLookup {
 public:
  explicit SymbolLookup(const std::vector<std::string>& names);

  /// More of the file, cut anywhere.
  void append(std::string_view bytes);
  bool complete() const { return wanted_.empty(); }
  /// {name: "0x..."} of the names found. Of symbols of one name the first one counts; address 0 is what the
  /// kernel shows to those who may not know (kptr_restrict), and counts as not found.
  const boost::json::object& found() const { return found_; }

 private:
  void take_line(std::string_view line);

  LineBuffer lines_;
  std::set<std::string, std::less<>> wanted_;
  boost::json::object found_;
};

}  // namespace crashpath
