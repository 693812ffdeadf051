#include "harness/evidence/kallsyms.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

#include "harness/evidence/kernel_addresses.h"

namespace crashpath {
namespace {

/// More than twice what a kernel with everything built in has.
constexpr std::uint32_t kMaxSymbols = 2'000'000;
/// KSYM_NAME_LEN of Linux 6.1 on (include/linux/kallsyms.h).
constexpr std::size_t kMaxName = 512;
constexpr std::size_t kTokens = 256;
/// Tokens are parts of names.
constexpr std::size_t kMaxToken = kMaxName;

Error nonsense(std::string_view what) {
  return Error::guest(fmt::format("the kernel's table of symbols: {}", what));
}

/// The tables by their names, one after the other.
class Tables {
 public:
  Tables(const PhysicalMemory& memory, std::string_view architecture, const Vmcoreinfo& vmcoreinfo)
      : memory_(memory), architecture_(architecture), vmcoreinfo_(vmcoreinfo) {}

  bool has(std::string_view symbol) const { return address(symbol).has_value(); }
  Result<std::uint64_t> address(std::string_view symbol) const {
    const auto address = vmcoreinfo_.number(fmt::format("SYMBOL({})", symbol));
    if (!address) return Error(Fault::lacks, fmt::format("this kernel's VMCOREINFO has no {}", symbol));
    return *address;
  }
  Result<std::uint64_t> place(std::string_view symbol) const {
    return kernel_to_physical(architecture_, vmcoreinfo_, CP_TRY(address(symbol)));
  }
  template <class Number>
  Result<std::vector<Number>> numbers(std::string_view symbol, std::size_t count) const {
    std::vector<Number> values(count);
    CP_TRY(memory_.read(CP_TRY(place(symbol)), std::as_writable_bytes(std::span(values))));
    return values;
  }
  const PhysicalMemory& memory() const { return memory_; }

 private:
  const PhysicalMemory& memory_;
  std::string_view architecture_;
  const Vmcoreinfo& vmcoreinfo_;
};

/// A table whose length only shows while it is read.
class ByteStream {
 public:
  ByteStream(const PhysicalMemory& memory, std::uint64_t address) : memory_(memory), address_(address) {}

  Result<unsigned> next() {
    if (at_ == chunk_.size()) {
      CP_TRY(memory_.read(address_, std::as_writable_bytes(std::span(chunk_))));
      address_ += chunk_.size();
      at_ = 0;
    }
    return chunk_.at(at_++);
  }

 private:
  const PhysicalMemory& memory_;
  std::uint64_t address_;
  std::array<unsigned char, 4096> chunk_{};
  std::size_t at_ = chunk_.size();
};

using Tokens = std::array<std::string, kTokens>;

Result<Tokens> read_tokens(const Tables& tables) {
  const auto index = CP_TRY(tables.numbers<std::uint16_t>("kallsyms_token_index", kTokens));
  const std::size_t last = *std::max_element(index.begin(), index.end());
  const auto text = CP_TRY(tables.numbers<char>("kallsyms_token_table", last + kMaxToken));
  Tokens tokens;
  for (std::size_t i = 0; i < kTokens; ++i) {
    const char* const begin = text.data() + index.at(i);
    const char* const end = std::find(begin, begin + kMaxToken, '\0');
    if (end == begin + kMaxToken) return nonsense(fmt::format("token {} has no end", i));
    tokens.at(i).assign(begin, end);
  }
  return tokens;
}

/// Its length in one byte, or from 6.1 on in two when the first one's highest bit is set; then tokens. The
/// first letter is the type.
Result<KernelSymbol> read_name(ByteStream& names, const Tokens& tokens) {
  unsigned length = CP_TRY(names.next());
  if ((length & 0x80) != 0) length = (length & 0x7f) | (CP_TRY(names.next()) << 7);
  std::string text;
  for (unsigned i = 0; i < length; ++i) {
    text += tokens.at(CP_TRY(names.next()));
    if (text.size() > kMaxName) return nonsense("a name is too long");
  }
  if (text.size() < 2) return nonsense("a name is empty");
  return KernelSymbol{.address = 0, .type = text.front(), .name = text.substr(1)};
}

bool is_function(const KernelSymbol& symbol) {
  // The linker's end marks are of the same type, but what lies behind them is none.
  if (symbol.name == "_etext" || symbol.name == "_einittext") return false;
  return std::string_view("tTwW").find(symbol.type) != std::string_view::npos;
}

}  // namespace

KernelSymbols::KernelSymbols(std::vector<KernelSymbol> symbols) : symbols_(std::move(symbols)) {
  std::stable_sort(symbols_.begin(), symbols_.end(),
                   [](const KernelSymbol& a, const KernelSymbol& b) { return a.address < b.address; });
}

Result<KernelSymbols> KernelSymbols::read(const PhysicalMemory& memory, std::string_view architecture,
                                          const Vmcoreinfo& vmcoreinfo) {
  const Tables tables(memory, architecture, vmcoreinfo);
  const std::uint32_t count = CP_TRY(tables.numbers<std::uint32_t>("kallsyms_num_syms", 1)).front();
  if (count == 0 || count > kMaxSymbols) return nonsense(fmt::format("{} symbols", count));
  // Until Linux 7.0 offsets are from a base; since then, which has none, each is from its own place
  // ("kallsyms: Get rid of kallsyms relative base").
  const bool has_base = tables.has("kallsyms_relative_base");
  std::uint64_t base = has_base ? CP_TRY(tables.numbers<std::uint64_t>("kallsyms_relative_base", 1)).front()
                                : CP_TRY(tables.address("kallsyms_offsets"));
  const auto offsets = CP_TRY(tables.numbers<std::uint32_t>("kallsyms_offsets", count));
  const Tokens tokens = CP_TRY(read_tokens(tables));
  ByteStream names(memory, CP_TRY(tables.place("kallsyms_names")));
  std::vector<KernelSymbol> symbols;
  symbols.reserve(count);
  for (const std::uint32_t offset : offsets) {
    symbols.push_back(CP_TRY(read_name(names, tokens)));
    if (has_base) {
      symbols.back().address = base + offset;
    } else {
      symbols.back().address = base + static_cast<std::uint64_t>(static_cast<std::int32_t>(offset));
      base += sizeof offset;
    }
  }
  return KernelSymbols(std::move(symbols));
}

std::optional<std::string> KernelSymbols::function_at(std::uint64_t address) const {
  const auto behind =
      std::upper_bound(symbols_.begin(), symbols_.end(), address,
                       [](std::uint64_t at, const KernelSymbol& symbol) { return at < symbol.address; });
  // What lies behind the last symbol belongs to nobody that is known.
  if (behind == symbols_.begin() || behind == symbols_.end()) return std::nullopt;
  // Of several names of one place the first is taken, as kallsyms_lookup() does (kernel/kallsyms.c).
  const std::uint64_t begin = std::prev(behind)->address;
  const auto first =
      std::lower_bound(symbols_.begin(), behind, begin,
                       [](const KernelSymbol& symbol, std::uint64_t at) { return symbol.address < at; });
  const auto function = std::find_if(first, behind, is_function);
  if (function == behind) return std::nullopt;
  return fmt::format("{}+{:#x}", function->name, address - begin);
}

std::optional<std::string> KernelSymbols::exactly_at(std::uint64_t address) const {
  const auto found =
      std::lower_bound(symbols_.begin(), symbols_.end(), address,
                       [](const KernelSymbol& symbol, std::uint64_t at) { return symbol.address < at; });
  if (found == symbols_.end() || found->address != address) return std::nullopt;
  return found->name;
}

std::optional<std::uint64_t> KernelSymbols::address_of(std::string_view name) const {
  const auto found = std::find_if(symbols_.begin(), symbols_.end(),
                                  [&](const KernelSymbol& symbol) { return symbol.name == name; });
  return found == symbols_.end() ? std::nullopt : std::optional(found->address);
}

}  // namespace crashpath
