#include "crashpaths/checks/guest_facts.h"

#include <fmt/format.h>

#include <array>

#include "harness/evidence/cpu_list.h"

namespace crashpath {

Result<std::regex> parse_pattern(std::string_view parameter, const std::string& pattern) {
  try {
    return std::regex(pattern);
  } catch (const std::regex_error& error) {
    return Error::usage(fmt::format("{} = '{}': {}", parameter, pattern, error.what()));
  }
}

Result<std::vector<const RecordedLine*>> crashed_kernel_console(const Evidence& evidence) {
  std::vector<const RecordedLine*> lines;
  for (const RecordedLine& line : *CP_TRY(evidence.console(Kernel::first))) {
    if (line.text.find("] Linux version ") != std::string::npos) lines.clear();
    lines.push_back(&line);
  }
  return lines;
}

Result<std::vector<int>> online_cpus(const Evidence& evidence) {
  return parse_cpu_list(CP_TRY(evidence.guest_file(Kernel::first, "/sys/devices/system/cpu/online")));
}

Result<std::vector<int>> cpus_with_registers(const Evidence& evidence, std::size_t notes) {
  std::vector<int> online = CP_TRY(online_cpus(evidence));
  if (notes == online.size()) return online;
  const auto present = evidence.guest_file(Kernel::first, "/sys/devices/system/cpu/present");
  if (present && CP_TRY(evidence.architecture()) == "pseries") {
    std::vector<int> cpus = CP_TRY(parse_cpu_list(*present));
    if (notes == cpus.size()) return cpus;
  }
  return std::vector<int>();
}

Result<std::string> not_recorded(const Evidence& evidence, const std::vector<std::string>& files) {
  for (const std::string& file : files)
    if (const std::string words = CP_TRY(evidence.why_not_recorded(file)); !words.empty())
      return fmt::format("there is no {}: {}", file, words);
  return std::string();
}

Result<std::string> asked_release(const Evidence& evidence) {
  const boost::json::value* kernel = CP_TRY(evidence.trial())->if_contains("kernel");
  const boost::json::value* release =
      kernel != nullptr && kernel->is_object() ? kernel->get_object().if_contains("release") : nullptr;
  if (release == nullptr || !release->is_string()) return Error::host("trial.json has no kernel.release");
  return std::string(release->get_string());
}

std::string human_size(std::uint64_t bytes) {
  constexpr std::array kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.4g} {}", value, kUnits.at(unit));
}

}  // namespace crashpath
