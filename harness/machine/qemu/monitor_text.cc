#include "harness/machine/qemu/monitor_text.h"

#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <optional>

namespace crashpath {
namespace {

std::optional<std::uint64_t> hexadecimal(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, code] = std::from_chars(text.data(), end, number, 16);
  if (text.empty() || code != std::errc() || stopped != end) return std::nullopt;
  return number;
}

std::string lower(std::string_view text) {
  std::string lowered(text);
  for (char& letter : lowered) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return lowered;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> words;
  for (std::size_t begin = text.find_first_not_of(separators); begin != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(separators, begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(separators, end);
  }
  return words;
}

/// "X07" is x7: registers are named as assembler has them.
std::string register_name(std::string_view prefix, std::string_view number) {
  return fmt::format("{}{}", prefix, number.size() > 1 && number.front() == '0' ? number.substr(1) : number);
}

/// arm64: "PC=ffff800080012345", "X00=...", "PSTATE=60000005".
void take_assignment(std::string_view word, VcpuRegisters& cpu) {
  const std::size_t equals = word.find('=');
  const auto value = hexadecimal(word.substr(equals + 1));
  if (!value) return;
  const std::string name = lower(word.substr(0, equals));
  if (name.size() == 3 && name.front() == 'x')
    cpu.values[register_name("x", std::string_view(name).substr(1))] = *value;
  else if (name == "pc" || name == "sp" || name == "pstate")
    cpu.values[name] = *value;
}

/// ppc64: "NIP c000000000012345   LR c00... CTR ...", "MSR ... HID0 ...", "GPR04 w x y z".
void take_ppc_line(const std::vector<std::string_view>& words, VcpuRegisters& cpu) {
  if (words.front().starts_with("GPR")) {
    unsigned number = 32;
    std::from_chars(words.front().data() + 3, words.front().data() + words.front().size(), number);
    for (std::size_t i = 1; i < words.size() && number < 32; ++i, ++number)
      if (const auto value = hexadecimal(words.at(i))) cpu.values[fmt::format("r{}", number)] = *value;
    return;
  }
  for (std::size_t i = 0; i + 1 < words.size(); ++i)
    for (const std::string_view name : {"NIP", "LR", "CTR", "MSR"})
      if (const auto value = hexadecimal(words.at(i + 1)); words.at(i) == name && value)
        cpu.values[lower(name)] = *value;
}

}  // namespace

Result<std::vector<VcpuRegisters>> parse_registers(std::string_view text) {
  std::vector<VcpuRegisters> cpus;
  for (const std::string_view line : split(text, "\r\n")) {
    const auto words = split(line, " ");
    if (words.empty()) continue;
    if (words.size() == 1 && words.front().starts_with("CPU#")) {
      cpus.push_back({.cpu = static_cast<int>(cpus.size()), .values = {}});
      continue;
    }
    if (cpus.empty()) continue;
    if (words.front().starts_with("GPR") || words.front() == "NIP" || words.front() == "MSR")
      take_ppc_line(words, cpus.back());
    for (const std::string_view word : words)
      if (word.find('=') != std::string_view::npos) take_assignment(word, cpus.back());
  }
  if (cpus.empty()) return Error::host("QEMU's monitor told no CPU's registers");
  return cpus;
}

Result<std::string> parse_memory_dump(std::string_view text, std::size_t bytes) {
  std::string memory;
  for (const std::string_view line : split(text, "\r\n")) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    for (const std::string_view word : split(line.substr(colon + 1), " ")) {
      const auto value = word.starts_with("0x") ? hexadecimal(word.substr(2)) : std::nullopt;
      if (value && *value <= 0xff) memory += static_cast<char>(*value);
    }
  }
  if (memory.size() != bytes)
    return Error::guest(fmt::format("of {} bytes the vCPU can see {}", bytes, memory.size()));
  return memory;
}

bool has_pending_interrupt(std::string_view text) {
  for (const std::string_view line : split(text, "\r\n")) {
    const auto words = split(line, " ");
    if (words.size() > 2 && words[0].starts_with("CPU[") && words[1] == "OS") {
      if (hexadecimal(words[2]).value_or(0) != 0) return true;
    } else if (words.size() > 2 && words[0] == "CPU" && words[2].starts_with("XIRR=")) {
      if ((hexadecimal(words[2].substr(5)).value_or(0) & 0xff'ffff) != 0) return true;
    }
  }
  return false;
}

}  // namespace crashpath
