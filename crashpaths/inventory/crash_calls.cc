#include "crashpaths/inventory/crash_calls.h"

#include <regex>

#include "harness/base/text.h"

namespace crashpath {
std::vector<RtasCall> rtas_calls_in(const std::string& dmesg) {
  static const std::regex line(
      R"((rtas_\w+): call \d+ on CPU (\d{1,5}): token \d+ \(([^)\n]{1,64})\) args (\S{1,64}) status (-?\d{1,9}))");
  std::vector<RtasCall> calls;
  for (std::sregex_iterator found(dmesg.begin(), dmesg.end(), line), end; found != end; ++found)
    calls.push_back({(*found)[1], number_in<int>((*found)[2].str()), (*found)[3], (*found)[4],
                     number_in<int>((*found)[5].str())});
  return calls;
}

std::vector<HypervisorCalls> hypervisor_calls_in(const std::string& dmesg) {
  static const std::regex line(
      R"(hcall_log: (crashing CPU|other CPUs): 0x([0-9a-f]{1,16}) \(([A-Z0-9_?]{1,64})\) (\d{1,10}) times, first args (0x[0-9a-f]{1,16},0x[0-9a-f]{1,16}) status (-?\d{1,18}) on CPU (\d{1,5}))");
  std::vector<HypervisorCalls> calls;
  for (std::sregex_iterator found(dmesg.begin(), dmesg.end(), line), end; found != end; ++found) {
    const std::smatch& part = *found;
    calls.push_back({.crashing = part[1] == "crashing CPU",
                     .opcode = number_in<std::uint64_t>(part[2].str(), 16),
                     .name = part[3],
                     .times = number_in<std::uint64_t>(part[4].str()),
                     .arguments = part[5],
                     .status = number_in<std::int64_t>(part[6].str()),
                     .cpu = number_in<int>(part[7].str())});
  }
  return calls;
}

}  // namespace crashpath
