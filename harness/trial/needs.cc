#include "harness/trial/needs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace crashpath {
namespace {

Result<Need> parse_amount(Need::Kind kind, std::string_view text, std::string_view number) {
  Need need{.kind = kind, .least = 0, .name = {}};
  const auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), need.least);
  if (code != std::errc() || end != number.data() + number.size() || need.least < 1)
    return Error::usage(fmt::format("need \"{}\": \"{}\" is not a positive number", text, number));
  return need;
}

Result<Need> parse_version(std::string_view text, std::string_view version) {
  const auto number = version_number(version);
  if (!number || version.find_first_not_of("0123456789.") != std::string_view::npos)
    return Error::usage(fmt::format("need \"{}\": \"{}\" is no version such as 5.17", text, version));
  return Need{.kind = Need::Kind::kernel_version, .least = *number, .name = std::string(version)};
}

Result<Need> parse_name(std::string_view text, std::string_view prefix, std::string_view name) {
  if (prefix == "kernel") {
    if (!name.starts_with("CONFIG_") || name.size() == 7)
      return Error::usage(
          fmt::format("need \"{}\": behind \"kernel:\" stands an option such as CONFIG_KEXEC", text));
    return Need{.kind = Need::Kind::kernel_config, .least = 0, .name = std::string(name)};
  }
  if (prefix == "probe" && !name.empty())
    return Need{.kind = Need::Kind::probe, .least = 0, .name = std::string(name)};
  if (prefix == "machine") {
    const auto& known = machine_needs();
    if (std::find(known.begin(), known.end(), name) == known.end())
      return Error::usage(fmt::format("need \"{}\": unknown ability of a machine; known are {}", text,
                                      fmt::join(known, ", ")));
    return Need{.kind = Need::Kind::machine, .least = 0, .name = std::string(name)};
  }
  return Error::usage(
      fmt::format("unknown need \"{}\"; possible are cpus>=N, memory>=MIB, linux>=X.Y, kernel:CONFIG_X, "
                  "probe:NAME and machine:{}",
                  text, fmt::join(machine_needs(), "|")));
}

}  // namespace

const std::vector<std::string_view>& machine_needs() {
  static const std::vector<std::string_view> all = {"nmi", "uefi", "acpi", "its", "gicv3", "xics", "xive"};
  return all;
}

std::optional<int> version_number(std::string_view release) {
  const char* const end = release.data() + release.size();
  int major = 0, minor = 0;
  const auto dot = std::from_chars(release.data(), end, major);
  if (dot.ec != std::errc() || dot.ptr == end || *dot.ptr != '.') return std::nullopt;
  const auto rest = std::from_chars(dot.ptr + 1, end, minor);
  if (rest.ec != std::errc() || major < 0 || minor < 0 || major > 999 || minor > 999) return std::nullopt;
  return major * 1000 + minor;
}

Result<Need> parse_need(std::string_view text) {
  constexpr std::string_view kVersion = "linux>=";
  constexpr std::string_view kCpus = "cpus>=";
  constexpr std::string_view kMemory = "memory>=";
  if (text.starts_with(kCpus)) return parse_amount(Need::Kind::cpus, text, text.substr(kCpus.size()));
  if (text.starts_with(kMemory))
    return parse_amount(Need::Kind::memory_mib, text, text.substr(kMemory.size()));
  if (text.starts_with(kVersion)) return parse_version(text, text.substr(kVersion.size()));
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return parse_name(text, "", "");
  return parse_name(text, text.substr(0, colon), text.substr(colon + 1));
}

}  // namespace crashpath
