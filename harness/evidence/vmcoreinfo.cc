#include "harness/evidence/vmcoreinfo.h"

#include <algorithm>
#include <charconv>

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

}  // namespace crashpath
