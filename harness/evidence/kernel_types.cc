#include "harness/evidence/kernel_types.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <mutex>

namespace crashpath {
namespace {

/// Links from one type to the next, and structures inside of structures, that a compiler could have written.
constexpr int kMaxDepth = 64;
/// Members looked at for one name: damaged BTF can nest anonymous structures a thousandfold.
constexpr int kMaxMembers = 1 << 20;

Error contradiction(std::string_view what) {
  return Error::guest(fmt::format("this kernel's BTF is damaged: {}", what));
}

Error unlike(std::string_view what) {
  return Error::guest(fmt::format("it is no {}", what));
}

const char* name_of(const btf* types, const btf_type& type) {
  const char* name = btf__name_by_offset(types, type.name_off);
  return name == nullptr ? "" : name;
}

Result<const btf_type*> described(const btf* types, std::uint32_t id) {
  const btf_type* type = btf__type_by_id(types, id);
  if (type == nullptr) return contradiction(fmt::format("there is no type {}", id));
  return type;
}

bool is_modifier(const btf_type* type) {
  return btf_is_mod(type) || btf_is_typedef(type);  // btf_is_mod: const, volatile, restrict, type tag
}

bool is_big_endian(std::string_view name) {
  return name == "__be16" || name == "__be32" || name == "__be64";
}

/// A type without its typedefs and qualifiers.
struct Stripped {
  const btf_type* type = nullptr;
  bool big_endian = false;
};

Result<Stripped> strip(const btf* types, std::uint32_t id) {
  Stripped stripped;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    stripped.type = CP_TRY(described(types, id));
    if (!is_modifier(stripped.type)) return stripped;
    if (btf_is_typedef(stripped.type) && is_big_endian(name_of(types, *stripped.type)))
      stripped.big_endian = true;
    id = stripped.type->type;
  }
  return contradiction(fmt::format("type {} leads nowhere", id));
}

/// Looks a member up by one name, through anonymous structures.
class MemberSearch {
 public:
  MemberSearch(const btf* types, std::string_view name) : types_(types), name_(name) {}

  struct Found {
    std::uint64_t bit = 0;  ///< from the beginning of the structure that was asked
    unsigned bit_size = 0;  ///< of a bit field, else 0
    std::uint32_t type = 0;
  };
  Result<std::optional<Found>> look(const btf_type* structure, std::uint64_t bit, int depth) {
    if (depth > kMaxDepth) return contradiction("structures in structures without end");
    const btf_member* members = btf_members(structure);
    for (unsigned i = 0; i < btf_vlen(structure); ++i) {
      if (++seen_ > kMaxMembers) return contradiction("structures in structures without end");
      const std::string_view name = member_name(members[i]);
      const std::uint64_t at = bit + btf_member_bit_offset(structure, i);
      if (name == name_) return Found{at, btf_member_bitfield_size(structure, i), members[i].type};
      if (!name.empty()) continue;
      const Stripped inner = CP_TRY(strip(types_, members[i].type));
      if (!btf_is_composite(inner.type)) continue;  // an unnamed bit field
      if (auto found = CP_TRY(look(inner.type, at, depth + 1))) return found;
    }
    return std::optional<Found>();
  }

 private:
  std::string_view member_name(const btf_member& member) const {
    const char* name = btf__name_by_offset(types_, member.name_off);
    return name == nullptr ? std::string_view() : name;
  }

  const btf* types_;
  std::string_view name_;
  int seen_ = 0;
};

/// "struct paca_struct **": the kinds that may have this name, the name itself, and the stars.
struct ParsedName {
  std::string_view name;
  bool (*is_kind)(const btf_type*) = nullptr;
  int pointers = 0;
};

bool is_plain(const btf_type* type) {
  return btf_is_int(type) || btf_is_typedef(type);
}

ParsedName parse_name(std::string_view text) {
  ParsedName parsed;
  while (text.ends_with('*') || text.ends_with(' ')) {
    if (text.back() == '*') ++parsed.pointers;
    text.remove_suffix(1);
  }
  parsed.name = text;
  parsed.is_kind = is_plain;
  const auto take = [&](std::string_view word, bool (*is_kind)(const btf_type*)) {
    if (!text.starts_with(word)) return;
    parsed.name = text.substr(word.size());
    parsed.is_kind = is_kind;
  };
  take("struct ", btf_is_struct);
  take("union ", btf_is_union);
  take("enum ", btf_is_any_enum);
  return parsed;
}

}  // namespace

void KernelTypes::Free::operator()(btf* types) const {
  btf__free(types);
}

Result<std::shared_ptr<const KernelTypes>> KernelTypes::parse(std::span<const std::byte> bytes) {
  static std::once_flag silent;
  std::call_once(silent, [] { libbpf_set_print(nullptr); });  // or it writes to stderr
  btf_header header;
  if (bytes.size() < sizeof header || bytes.size() > kMaxBtf) return Error::guest("this is no kernel's BTF");
  std::memcpy(&header, bytes.data(), sizeof header);
  // libbpf would read the other byte order, too, which none of the guests has.
  if (header.magic != BTF_MAGIC) return Error::guest("this is no kernel's BTF");
  btf* types = btf__new(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
  if (types == nullptr)
    return Error::guest(fmt::format("libbpf cannot read this kernel's BTF: {}", std::strerror(errno)));
  return std::shared_ptr<const KernelTypes>(new KernelTypes(types));
}

Result<KernelType> KernelTypes::find(std::string_view text) const {
  const ParsedName wanted = parse_name(text);
  if (wanted.name == "void") return KernelType{0, wanted.pointers};
  for (std::uint32_t id = 1; id < btf__type_cnt(btf_.get()); ++id) {
    const btf_type* type = btf__type_by_id(btf_.get(), id);
    if (wanted.is_kind(type) && wanted.name == name_of(btf_.get(), *type))
      return KernelType{id, wanted.pointers};
  }
  return Error(Fault::lacks, fmt::format("this kernel's BTF has no type '{}'", text));
}

Result<std::uint64_t> KernelTypes::size(KernelType type) const {
  if (type.pointers > 0) return sizeof(std::uint64_t);
  const std::int64_t size = btf__resolve_size(btf_.get(), type.id);
  if (size < 0) return contradiction(fmt::format("type {} has no size", type.id));
  return static_cast<std::uint64_t>(size);
}

Result<KernelMember> KernelTypes::member(KernelType structure, std::string_view path) const {
  KernelMember member{.offset = 0, .type = structure, .bits = std::nullopt};
  while (true) {
    const std::string_view name = path.substr(0, path.find('.'));
    if (member.type.pointers > 0) return unlike("struct or union");
    const btf_type* type = CP_TRY(strip(btf_.get(), member.type.id)).type;
    if (!btf_is_composite(type)) return unlike("struct or union");
    const auto found = CP_TRY(MemberSearch(btf_.get(), name).look(type, 0, 0));
    if (!found || name.empty())
      return Error(Fault::lacks,
                   fmt::format("this kernel's '{}' has no member '{}'", name_of(btf_.get(), *type), name));
    member.offset += found->bit / 8;
    member.type = {found->type, 0};
    if (found->bit_size > 0 || found->bit % 8 != 0)
      member.bits = KernelMember::Bits{static_cast<unsigned>(found->bit % 8), found->bit_size};
    if (name.size() == path.size()) return member;
    path.remove_prefix(name.size() + 1);
  }
}

Result<KernelTypes::Array> KernelTypes::array(KernelType type) const {
  if (type.pointers > 0) return unlike("array");
  const btf_type* stripped = CP_TRY(strip(btf_.get(), type.id)).type;
  if (!btf_is_array(stripped)) return unlike("array");
  return Array{{btf_array(stripped)->type, 0}, btf_array(stripped)->nelems};
}

Result<KernelType> KernelTypes::pointed_to(KernelType type) const {
  if (type.pointers > 0) return KernelType{type.id, type.pointers - 1};
  const btf_type* stripped = CP_TRY(strip(btf_.get(), type.id)).type;
  if (!btf_is_ptr(stripped)) return unlike("pointer");
  return KernelType{stripped->type, 0};
}

Result<KernelNumber> KernelTypes::number(KernelType type) const {
  if (type.pointers > 0) return KernelNumber{.size = sizeof(std::uint64_t)};
  const Stripped stripped = CP_TRY(strip(btf_.get(), type.id));
  KernelNumber number{.size = 0, .is_signed = false, .big_endian = stripped.big_endian};
  if (btf_is_int(stripped.type)) {
    number.size = stripped.type->size;
    number.is_signed = (btf_int_encoding(stripped.type) & BTF_INT_SIGNED) != 0;
  } else if (btf_is_any_enum(stripped.type)) {
    number.size = stripped.type->size;
    number.is_signed = btf_kflag(stripped.type);
  } else if (btf_is_ptr(stripped.type)) {
    number.size = sizeof(std::uint64_t);
  } else {
    return unlike("number");
  }
  if (number.size != 1 && number.size != 2 && number.size != 4 && number.size != 8)
    return unlike("number of at most 64 bits");
  return number;
}

}  // namespace crashpath
