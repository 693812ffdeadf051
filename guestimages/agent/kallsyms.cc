#include "guestimages/agent/kallsyms.h"

#include <algorithm>

namespace crashpath {
namespace {
constexpr std::size_t max_line = 4096;  // KSYM_NAME_LEN is 512
}

SymbolLookup::SymbolLookup(const std::vector<std::string>& names)
    : lines_(max_line), wanted_(names.begin(), names.end()) {}

void SymbolLookup::append(std::string_view bytes) {
  lines_.append(bytes);
  while (const auto line = lines_.next()) take_line(line->text);
}

// "ffffd3b6c2a10000 T _text", and behind the name "\t[module]" for a module's.
void SymbolLookup::take_line(std::string_view line) {
  const std::size_t address_end = line.find(' ');
  if (address_end == std::string_view::npos || address_end + 3 > line.size()) return;
  std::string_view name = line.substr(address_end + 3);
  name = name.substr(0, name.find_first_of(" \t"));
  const auto wanted = wanted_.find(name);
  if (wanted == wanted_.end()) return;
  std::string_view address = line.substr(0, address_end);
  address.remove_prefix(std::min(address.find_first_not_of('0'), address.size()));
  if (address.empty()) return;
  found_[name] = "0x" + std::string(address);
  wanted_.erase(wanted);
}

}  // namespace crashpath
