#include "harness/evidence/kernel_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/endian/conversion.hpp>
#include <cstring>
#include <vector>

#include "harness/evidence/arm64_page_tables.h"
#include "harness/evidence/kernel_addresses.h"
#include "harness/evidence/radix_tables.h"

namespace crashpath {
namespace {

constexpr std::uint64_t kPointer = 8;  // both architectures have 64 bits, little-endian
constexpr std::uint64_t kMaxText = 64 << 10;
constexpr int kMaxCpus = 8192;  // NR_CPUS of any kernel

/// An integer of up to 8 bytes as a little-endian kernel stores it.
Result<std::uint64_t> read_integer(const KernelState& state, std::uint64_t address, std::uint64_t size) {
  std::array<std::byte, 8> bytes{};
  CP_TRY(state.read(address, std::span(bytes).first(std::min<std::uint64_t>(size, bytes.size()))));
  return boost::endian::load_little_u64(reinterpret_cast<const unsigned char*>(bytes.data()));
}

std::uint64_t sign_extended(std::uint64_t value, std::uint64_t bits) {
  const std::uint64_t sign = std::uint64_t{1} << (bits - 1);
  return (value ^ sign) - sign;
}

std::uint64_t to_value(std::uint64_t raw, const KernelNumber& number) {
  const std::uint64_t bits = number.size * 8;
  if (number.big_endian) return boost::endian::endian_reverse(raw) >> (64 - bits);
  return number.is_signed ? sign_extended(raw, bits) : raw;
}

Result<std::uint64_t> read_bits(const KernelState& state, std::uint64_t address,
                                const KernelMember::Bits& bits, const KernelNumber& number) {
  if (bits.count == 0 || bits.shift + bits.count > 64)
    return Error::guest(
        fmt::format("this kernel's BTF is damaged: {} bits at bit {}", bits.count, bits.shift));
  const std::uint64_t raw =
      CP_TRY(read_integer(state, address, (bits.shift + bits.count + 7) / 8)) >> bits.shift;
  const std::uint64_t value = bits.count == 64 ? raw : raw & ((std::uint64_t{1} << bits.count) - 1);
  return number.is_signed ? sign_extended(value, bits.count) : value;
}

Result<std::shared_ptr<const KernelTypes>> read_types(const KernelState& state) {
  const std::uint64_t begin = CP_TRY(state.symbol("__start_BTF"));
  const std::uint64_t end = CP_TRY(state.symbol("__stop_BTF"));
  if (end <= begin || end - begin > KernelTypes::kMaxBtf)
    return Error::guest(fmt::format("this kernel's BTF cannot lie from {:#x} to {:#x}", begin, end));
  std::vector<std::byte> btf(end - begin);
  CP_TRY(state.read(begin, btf));
  return KernelTypes::parse(btf);
}

}  // namespace

KernelState::KernelState(const PhysicalMemory& memory, std::string architecture, Vmcoreinfo vmcoreinfo,
                         Symbols symbols)
    : memory_(memory),
      architecture_(std::move(architecture)),
      vmcoreinfo_(std::move(vmcoreinfo)),
      symbols_(std::move(symbols)) {}

Result<std::uint64_t> KernelState::to_physical(std::uint64_t address) const {
  auto by_arithmetic = kernel_to_physical(architecture_, vmcoreinfo_, address);
  if (by_arithmetic) return by_arithmetic;
  if (architecture_ == "aarch64") {
    const auto tables = kernel_page_tables(vmcoreinfo_);
    return tables ? walk(*tables, memory_, address) : by_arithmetic;
  }
  return ppc64_vmalloc_to_physical(address, by_arithmetic.error());
}

Result<std::uint64_t> KernelState::ppc64_vmalloc_to_physical(std::uint64_t address,
                                                             const Error& otherwise) const {
  // vmalloc of the radix MMU, and with it modules; with the hash MMU, which has other tables, it begins
  // there, too.
  constexpr std::uint64_t kVmalloc = 0xc008000000000000, kVmallocEnd = 0xc00a000000000000;
  if (address < kVmalloc || address >= kVmallocEnd) return otherwise;
  const auto tables = vmcoreinfo_.number("SYMBOL(swapper_pg_dir)");
  const auto page_size = vmcoreinfo_.number("PAGESIZE");
  if (!tables || !page_size)
    return Error(Fault::lacks, "VMCOREINFO does not say where the page tables are, and how large a page is");
  const std::uint64_t root = CP_TRY(kernel_to_physical(architecture_, vmcoreinfo_, *tables));
  return radix_to_physical(memory_, root, *page_size, address);
}

Result<> KernelState::read(std::uint64_t address, std::span<std::byte> into) const {
  constexpr std::uint64_t kPage = 4096;
  while (!into.empty()) {
    const std::uint64_t here = std::min<std::uint64_t>(into.size(), kPage - address % kPage);
    CP_TRY(memory_.read(CP_TRY(to_physical(address)), into.first(here)));
    address += here;
    into = into.subspan(here);
  }
  return {};
}

Result<std::uint64_t> KernelState::symbol(std::string_view name) const {
  auto looked_up = symbols_(name);
  if (looked_up) return looked_up;
  if (const auto known = vmcoreinfo_.number(fmt::format("SYMBOL({})", name))) return *known;
  return looked_up;
}

Result<const KernelTypes*> KernelState::types() const {
  if (!types_) types_ = read_types(*this);
  if (!*types_) return Error(types_->error()).within("this kernel's types (BTF)");
  return (*types_)->get();
}

Result<std::uint64_t> KernelState::per_cpu_offset(int cpu) const {
  if (cpu < 0 || cpu >= kMaxCpus) return Error::guest(fmt::format("there is no CPU {}", cpu));
  const std::uint64_t table = CP_TRY(symbol("__per_cpu_offset"));
  return read_integer(*this, table + static_cast<std::uint64_t>(cpu) * kPointer, kPointer);
}

KernelObject KernelState::make(std::string path, const Result<std::uint64_t>& address,
                               std::string_view type) const {
  const auto place = [&]() -> Result<KernelObject::Place> {
    const std::uint64_t known = CP_TRY(Result<std::uint64_t>(address));
    return KernelObject::Place{known, CP_TRY(CP_TRY(types())->find(type)), std::nullopt};
  };
  auto made = place();
  if (!made) made = Error(made.error()).within(path);
  return {this, std::move(path), std::move(made)};
}

KernelObject KernelState::object(std::string_view name, std::string_view type) const {
  return make(std::string(name), symbol(name), type);
}

KernelObject KernelState::object(std::uint64_t address, std::string_view type) const {
  return make(fmt::format("({} at {:#x})", type, address), address, type);
}

KernelObject KernelState::object_on_cpu(std::string_view name, int cpu, std::string_view type) const {
  const auto address = [&]() -> Result<std::uint64_t> {
    return CP_TRY(symbol(name)) + CP_TRY(per_cpu_offset(cpu));
  };
  return make(fmt::format("{}(CPU {})", name, cpu), address(), type);
}

/// The next place, or, with its path, why there is none. Behind an error there is only that error.
template <class Next>
KernelObject KernelObject::step(std::string path, Next&& next) const {
  if (!place_) return *this;
  Result<Place> place = next(*place_);
  if (!place) place = Error(place.error()).within(path);
  return {state_, std::move(path), std::move(place)};
}

KernelObject KernelObject::at(std::string_view member) const {
  const std::string_view dot = path_.ends_with("->") ? "" : ".";
  return step(fmt::format("{}{}{}", path_, dot, member), [&](const Place& here) -> Result<Place> {
    const KernelMember found = CP_TRY(CP_TRY(state_->types())->member(here.type, member));
    return Place{here.address + found.offset, found.type, found.bits};
  });
}

KernelObject KernelObject::operator[](std::uint64_t index) const {
  return step(fmt::format("{}[{}]", path_, index), [&](const Place& here) -> Result<Place> {
    const KernelTypes& types = *CP_TRY(state_->types());
    if (const auto array = types.array(here.type)) {
      if (index >= array->count) return Error::guest(fmt::format("it has {} elements", array->count));
      return Place{here.address + index * CP_TRY(types.size(array->element)), array->element, std::nullopt};
    }
    const KernelType element = CP_TRY(types.pointed_to(here.type));
    const std::uint64_t first = CP_TRY(pointer(here));
    return Place{first + index * CP_TRY(types.size(element)), element, std::nullopt};
  });
}

KernelObject KernelObject::follow() const {
  return step(path_ + "->", [&](const Place& here) -> Result<Place> {
    return Place{CP_TRY(pointer(here)), CP_TRY(CP_TRY(state_->types())->pointed_to(here.type)), std::nullopt};
  });
}

KernelObject KernelObject::follow_on_cpu(int cpu) const {
  return step(fmt::format("{}(CPU {})->", path_, cpu), [&](const Place& here) -> Result<Place> {
    const KernelType type = CP_TRY(CP_TRY(state_->types())->pointed_to(here.type));
    return Place{CP_TRY(pointer(here)) + CP_TRY(state_->per_cpu_offset(cpu)), type, std::nullopt};
  });
}

Result<std::uint64_t> KernelObject::pointer(const Place& here) const {
  CP_TRY(CP_TRY(state_->types())->pointed_to(here.type));
  const std::uint64_t address = CP_TRY(read_integer(*state_, here.address, kPointer));
  if (address == 0) return Error::guest("it is a NULL pointer");
  return address;
}

Result<std::uint64_t> KernelObject::address() const {
  return CP_TRY(Result<Place>(place_)).address;
}

Result<std::uint64_t> KernelObject::physical_address() const {
  const auto physical = state_->to_physical(CP_TRY(address()));
  if (!physical) return Error(physical.error()).within(path_);
  return physical;
}

Result<std::uint64_t> KernelObject::size() const {
  const Place here = CP_TRY(Result<Place>(place_));
  return CP_TRY(state_->types())->size(here.type);
}

Result<std::uint64_t> KernelObject::number() const {
  const Place here = CP_TRY(Result<Place>(place_));
  const auto value = [&]() -> Result<std::uint64_t> {
    const KernelNumber number = CP_TRY(CP_TRY(state_->types())->number(here.type));
    if (here.bits) return read_bits(*state_, here.address, *here.bits, number);
    return to_value(CP_TRY(read_integer(*state_, here.address, number.size)), number);
  };
  auto read = value();
  if (!read) return Error(read.error()).within(path_);
  return read;
}

Result<std::string> KernelObject::text() const {
  const Place here = CP_TRY(Result<Place>(place_));
  const auto value = [&]() -> Result<std::string> {
    const KernelTypes& types = *CP_TRY(state_->types());
    const auto array = CP_TRY(types.array(here.type));
    if (CP_TRY(types.size(array.element)) != 1 || array.count > kMaxText)
      return Error::guest("it is no text");
    std::string text(array.count, '\0');
    CP_TRY(state_->read(here.address, std::as_writable_bytes(std::span(text))));
    return text.substr(0, text.find('\0'));
  };
  auto read = value();
  if (!read) return Error(read.error()).within(path_);
  return read;
}

}  // namespace crashpath
