#include "harness/evidence/vmcoreinfo.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace crashpath {
namespace {

bool is_hexadecimal(std::string_view key) {
  return key.starts_with("SYMBOL(") || key == "KERNELOFFSET";
}

std::optional<std::uint64_t> parse_number(std::string_view text, int base) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.starts_with("0x")) {
    text.remove_prefix(2);
    base = 16;
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return negative ? 0 - value : value;
}

}  // namespace

Vmcoreinfo::Vmcoreinfo(std::string text) : text_(std::move(text)) {
  std::string_view rest = text_;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos)
      values_.insert_or_assign(std::string(line.substr(0, equals)), std::string(line.substr(equals + 1)));
  }
}

std::optional<std::string> Vmcoreinfo::value(std::string_view key) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::uint64_t> Vmcoreinfo::number(std::string_view key) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return std::nullopt;
  return parse_number(found->second, is_hexadecimal(key) ? 16 : 10);
}

std::vector<Vmcoreinfo> find_vmcoreinfo_notes(std::span<const std::byte> memory) {
  using namespace std::string_view_literals;
  constexpr std::string_view kName = "VMCOREINFO\0\0"sv;  // padded to a multiple of 4
  constexpr std::size_t kHeader = 12;                     // lengths of name and content, type
  constexpr std::uint32_t kMaxContent = 1U << 16;         // VMCOREINFO_BYTES is a page
  const std::string_view all(reinterpret_cast<const char*>(memory.data()), memory.size());
  std::vector<Vmcoreinfo> found;
  for (std::size_t at = 0; (at = all.find(kName, at)) != std::string_view::npos; at += kName.size()) {
    std::array<std::uint32_t, 3> header{};
    if (at < kHeader) continue;
    std::memcpy(header.data(), all.data() + at - kHeader, kHeader);
    const auto& [name_size, size, type] = header;
    if (name_size != kName.size() - 1 || type != 0 || size > kMaxContent) continue;
    const std::string_view content = all.substr(at + kName.size(), size);
    if (content.starts_with("OSRELEASE=")) found.emplace_back(std::string(content));
  }
  return found;
}

}  // namespace crashpath
