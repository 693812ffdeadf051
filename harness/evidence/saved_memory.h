#pragma once

// memory-*.elf: chosen parts of a guest's memory as the host saw them at one moment. An ELF core file with
// one PT_LOAD per range, at its physical address, and the guest's VMCOREINFO as note where it is known:
// gdb, crash and libkdumpfile read it, too.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/file.h"
#include "harness/base/result.h"
#include "harness/evidence/core_headers.h"
#include "harness/evidence/physical_memory.h"
#include "harness/evidence/vmcoreinfo.h"

namespace crashpath {

/// More than this in one file is refused.
inline constexpr std::uint64_t kMaxSavedMemory = std::uint64_t{64} << 20;

class SavedMemory final : public PhysicalMemory {
 public:
  /// A guest error when the file is no ELF core, or truncated.
  static Result<SavedMemory> open(const std::filesystem::path& file);
  Result<> read(std::uint64_t address, std::span<std::byte> into) const override;

  std::string architecture() const;  ///< "aarch64", "ppc64"
  Vmcoreinfo vmcoreinfo() const;     ///< empty when the file has none
  std::vector<Range> ranges() const;

 private:
  SavedMemory(UniqueFd fd, CoreHeaders headers, std::string name)
      : fd_(std::move(fd)), headers_(std::move(headers)), name_(std::move(name)) {}
  UniqueFd fd_;
  CoreHeaders headers_;
  std::string name_;
};

/// Saves these parts of `memory`, normalized, under a temporary name that is then renamed. `architecture` as
/// above. A guest error when one of them is not in `memory` or they are more than kMaxSavedMemory.
Result<> save_memory(const std::filesystem::path& file, const PhysicalMemory& memory,
                     const std::vector<Range>& ranges, std::string_view architecture,
                     const Vmcoreinfo& vmcoreinfo);

}  // namespace crashpath
