#include "harness/machine/libvirt/owner.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <sstream>
#include <vector>

#include "harness/base/file.h"

namespace crashpath::libvirt {
namespace {

constexpr std::string_view kPrefix = "crashpath-";
constexpr const char* kNoId = "00000000";

/// The first 8 hex digits of a file that holds an id.
std::string id_of(const char* file) {
  const auto text = read_file(file);
  return text && text->size() >= 8 ? text->substr(0, 8) : kNoId;
}

std::string machine_id() {
  return id_of("/etc/machine-id");
}

std::string boot_id() {
  return id_of("/proc/sys/kernel/random/boot_id");
}

/// When this process began, in clock ticks since boot: the 20th word behind the program's name in
/// parentheses, which may contain anything (proc(5), /proc/PID/stat). Empty: there is none, or it has ended.
std::string start_of(std::string_view pid) {
  const auto stat = read_file(fmt::format("/proc/{}/stat", pid));
  if (!stat) return "";
  std::istringstream words(stat->substr(std::min(stat->size(), stat->rfind(')') + 1)));
  std::vector<std::string> fields;
  for (std::string word; words >> word;) fields.push_back(word);
  if (fields.size() < 20 || fields[0] == "Z" || fields[0] == "X") return "";
  return fields[19];
}

bool is_number(std::string_view text) {
  unsigned long long number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string owner_of_this_process() {
  const std::string pid = std::to_string(::getpid());
  return fmt::format("{}.{}.{}.{}", machine_id(), boot_id(), pid, start_of(pid));
}

OwnerState owner_state(std::string_view owner) {
  std::vector<std::string> parts;
  std::istringstream text{std::string(owner)};
  for (std::string part; std::getline(text, part, '.');) parts.push_back(part);
  if (parts.size() != 4 || parts[0].size() != 8 || parts[1].size() != 8 || !is_number(parts[2]) ||
      !is_number(parts[3]))
    return OwnerState::no_owner;
  if (parts[0] != machine_id()) return OwnerState::alive;
  // Machines without an id are told apart by their boot alone.
  if (parts[0] == kNoId && parts[1] != boot_id()) return OwnerState::alive;
  return parts[1] == boot_id() && start_of(parts[2]) == parts[3] ? OwnerState::alive : OwnerState::gone;
}

std::optional<std::string> owner_in_name(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  std::string owner(name.substr(0, name.find('-')));
  if (owner_state(owner) == OwnerState::no_owner) return std::nullopt;
  return owner;
}

std::string name_of_ours(std::string_view rest) {
  return fmt::format("{}{}-{}", kPrefix, owner_of_this_process(), rest);
}

std::string short_name_of_this_process() {
  const std::string pid = std::to_string(::getpid());
  return fmt::format("{}.{}", pid, start_of(pid));
}

bool is_short_name_of_live_process(std::string_view name) {
  const std::string_view pid = name.substr(0, name.find('.'));
  return is_number(pid) && name == fmt::format("{}.{}", pid, start_of(pid));
}

}  // namespace crashpath::libvirt
