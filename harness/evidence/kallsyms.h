#pragma once

// A kernel's symbols out of its memory: the tables behind /proc/kallsyms, which VMCOREINFO leads to from
// Linux 6.0 on (kernel/vmcore_info.c, before 6.9 kernel/crash_core.c). So a kernel that answers nobody any
// more can still be read, wherever KASLR put it. A guest wrote all of it: nothing in it is relied on.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/evidence/physical_memory.h"
#include "harness/evidence/vmcoreinfo.h"

namespace crashpath {

struct KernelSymbol {
  std::uint64_t address = 0;
  char type = '?';  ///< as nm(1) has it: 't' and 'T' are functions
  std::string name;
};

class KernelSymbols {
 public:
  /// Decodes the tables (kernel/kallsyms.c, scripts/kallsyms.c). `architecture` is "aarch64" or "ppc64". An
  /// error of fault `lacks` when VMCOREINFO does not lead to them; of fault `guest` when they make no sense.
  static Result<KernelSymbols> read(const PhysicalMemory& memory, std::string_view architecture,
                                    const Vmcoreinfo& vmcoreinfo);

  /// "rtas_call+0x1c8" when a function of the kernel image is there. Modules are not in these tables.
  std::optional<std::string> function_at(std::uint64_t address) const;
  /// The name of what begins exactly there. Variables are among the symbols only with CONFIG_KALLSYMS_ALL.
  std::optional<std::string> exactly_at(std::uint64_t address) const;
  /// Of several of that name the first; none when there is no such symbol.
  std::optional<std::uint64_t> address_of(std::string_view name) const;
  std::size_t size() const { return symbols_.size(); }

 private:
  explicit KernelSymbols(std::vector<KernelSymbol> symbols);
  std::vector<KernelSymbol> symbols_;  ///< by address
};

}  // namespace crashpath
