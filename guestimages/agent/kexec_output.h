#pragma once

// What `kexec -d` prints.

#include <boost/json.hpp>
#include <string>
#include <string_view>

namespace crashpath {

/// The segments that kexec-tools handed to the kernel: [{"mem": "0x...", "memsz": "0x..."}], in their order.
/// Empty when it printed none: with -s the kernel itself places them.
boost::json::array parse_kexec_segments(std::string_view output);

/// Why kexec gave up, in its own words: the last three lines of its standard error, joined by "; ". It has no
/// other mark: what -d adds goes to the same stream, before them.
std::string kexec_complaint(std::string_view errors);

}  // namespace crashpath
