#pragma once

// The types of a kernel as its BTF has them (Documentation/bpf/btf.rst), read by libbpf. The bytes come out
// of a crashed kernel's memory: nothing in them is to be relied on.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "harness/base/result.h"

struct btf;

namespace crashpath {

/// A type: one that BTF describes, or pointers to it.
struct KernelType {
  std::uint32_t id = 0;  ///< BTF's number of it; 0 is void
  int pointers = 0;      ///< 1: a pointer to it, 2: a pointer to such a pointer
};

struct KernelMember {
  std::uint64_t offset = 0;  ///< bytes from the beginning of the structure that was asked
  KernelType type;
  /// Of a bit field: how many bits, and how many bits behind the lowest of the little-endian number that
  /// begins at `offset` it begins (0 to 7).
  struct Bits {
    unsigned shift = 0, count = 0;
  };
  std::optional<Bits> bits;
};

/// How a number is stored.
struct KernelNumber {
  std::uint64_t size = 0;  ///< bytes, 1 to 8
  bool is_signed = false;
  bool big_endian = false;  ///< its type is __be16, __be32 or __be64
};

class KernelTypes {
 public:
  /// Bytes of BTF that can be; Debian's kernels have some 6 MB.
  static constexpr std::size_t kMaxBtf = std::size_t{64} << 20;
  /// Takes what /sys/kernel/btf/vmlinux holds. A guest error when libbpf does not take it for BTF.
  static Result<std::shared_ptr<const KernelTypes>> parse(std::span<const std::byte> btf);

  // Whatever the kernel does not have is an error of fault `lacks` that names it. BTF that contradicts itself
  // is a guest error.

  /// By its name in C: "struct rdists", "union kernfs_ops", "arch_spinlock_t", "unsigned int" and, with stars
  /// behind it, a pointer: "struct paca_struct **". Of several types of one name the first one counts.
  Result<KernelType> find(std::string_view name) const;

  Result<std::uint64_t> size(KernelType type) const;  ///< in bytes; a pointer has 8

  /// A member of a struct or union by its name, also one of an anonymous struct or union in it; with dots, a
  /// member of a member: "name.release".
  Result<KernelMember> member(KernelType structure, std::string_view path) const;

  struct Array {
    KernelType element;
    std::uint64_t count = 0;
  };
  Result<Array> array(KernelType type) const;            ///< a guest error for what is no array
  Result<KernelType> pointed_to(KernelType type) const;  ///< a guest error for what is no pointer
  /// Of an integer, an enum, a bool or a pointer; a guest error for anything else.
  Result<KernelNumber> number(KernelType type) const;

 private:
  struct Free {
    void operator()(btf* types) const;
  };
  explicit KernelTypes(btf* types) : btf_(types) {}
  std::unique_ptr<btf, Free> btf_;
};

}  // namespace crashpath
