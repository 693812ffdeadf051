#pragma once

// A kernel's own variables and structures, by name, out of its memory:
//
//   state.object("gic_rdists", "struct rdists *").follow().at("rdist").follow_on_cpu(2).at("flags").number()
//
// Symbols are those that its agent looked up in /proc/kallsyms (a scenario names them, docs/scenarios.md), or
// that VMCOREINFO has; types are the kernel's own (BTF), which lie in its memory, too.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "harness/base/result.h"
#include "harness/evidence/kernel_types.h"
#include "harness/evidence/physical_memory.h"
#include "harness/evidence/vmcoreinfo.h"

namespace crashpath {

class KernelState;

/// An object in a kernel's memory. Going on from a place where an error is leads to the same error: whoever
/// asks for a value there is told. It looks into the KernelState that it comes from, which must outlive it.
///
/// Errors say what is missing and at which step ("gic_rdists->rdist.flags: ..."). Those of fault `lacks` are
/// about what this guest or this evidence does not have (no BTF, no such symbol or member, a page that the
/// dump leaves out), and a check that returns one is a skip; those of fault `guest` are about memory in
/// which there is nonsense.
class KernelObject {
 public:
  KernelObject at(std::string_view member) const;      ///< as KernelTypes::member()
  KernelObject operator[](std::uint64_t index) const;  ///< of an array, or behind a pointer, as in C
  KernelObject follow() const;                         ///< what a pointer points to; NULL is a guest error
  KernelObject follow_on_cpu(int cpu) const;           ///< what a __percpu pointer points to on this CPU

  Result<std::uint64_t> address() const;  ///< virtual
  Result<std::uint64_t> physical_address() const;
  Result<std::uint64_t> size() const;  ///< in bytes
  /// An integer, enum, bool, pointer or bit field. __be32 and the like are turned into what they mean; a
  /// negative one is sign-extended to 64 bits.
  Result<std::uint64_t> number() const;
  Result<std::string> text() const;  ///< an array of char up to its first 0

  const std::string& path() const { return path_; }  ///< "gic_rdists->rdist", for messages

 private:
  friend class KernelState;
  struct Place {
    std::uint64_t address = 0;
    KernelType type;
    std::optional<KernelMember::Bits> bits;
  };
  KernelObject(const KernelState* state, std::string path, Result<Place> place)
      : state_(state), path_(std::move(path)), place_(std::move(place)) {}
  template <class Next>
  KernelObject step(std::string path, Next&& next) const;
  Result<std::uint64_t> pointer(const Place& here) const;

  const KernelState* state_;
  std::string path_;
  Result<Place> place_;
};

class KernelState {
 public:
  /// Address of a symbol; an error when it is not known.
  using Symbols = std::function<Result<std::uint64_t>(std::string_view)>;

  /// Symbols that it needs itself: where BTF lies and, for per-CPU variables, each CPU's offset.
  static constexpr std::array<std::string_view, 3> kSymbols = {"__start_BTF", "__stop_BTF",
                                                               "__per_cpu_offset"};

  /// `memory` must outlive it. `architecture` is "aarch64" or "ppc64", `vmcoreinfo` this kernel's. What
  /// is missing for one question is an error of that question only.
  KernelState(const PhysicalMemory& memory, std::string architecture, Vmcoreinfo vmcoreinfo, Symbols symbols);

  const PhysicalMemory& memory() const { return memory_; }
  const Vmcoreinfo& vmcoreinfo() const { return vmcoreinfo_; }
  /// The linear map and the kernel image; on arm64 also what only its page tables have (vmemmap, vmalloc,
  /// modules), on pseries with the radix MMU vmalloc and modules. A guest error for anything else.
  Result<std::uint64_t> to_physical(std::uint64_t address) const;
  Result<> read(std::uint64_t address, std::span<std::byte> into) const;  ///< of a virtual address

  Result<std::uint64_t> symbol(std::string_view name) const;
  Result<const KernelTypes*> types() const;
  /// What the kernel adds to a __percpu pointer. Of a CPU that cannot be it is nonsense.
  Result<std::uint64_t> per_cpu_offset(int cpu) const;

  /// The variable of this name; `type` as KernelTypes::find() has it.
  KernelObject object(std::string_view symbol, std::string_view type) const;
  /// What stands at a virtual address.
  KernelObject object(std::uint64_t address, std::string_view type) const;
  /// What a __percpu variable is on a CPU.
  KernelObject object_on_cpu(std::string_view symbol, int cpu, std::string_view type) const;

 private:
  Result<std::uint64_t> ppc64_vmalloc_to_physical(std::uint64_t address, const Error& otherwise) const;
  KernelObject make(std::string path, const Result<std::uint64_t>& address, std::string_view type) const;

  const PhysicalMemory& memory_;
  std::string architecture_;
  Vmcoreinfo vmcoreinfo_;
  Symbols symbols_;
  /// Read when somebody asks: they are megabytes.
  mutable std::optional<Result<std::shared_ptr<const KernelTypes>>> types_;
};

}  // namespace crashpath
