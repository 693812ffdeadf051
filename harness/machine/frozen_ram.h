#pragma once

// The RAM of a saved guest, of which any number of forks begin.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "harness/base/file.h"

namespace crashpath {

/// A run of bytes.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool operator==(const Extent&) const = default;
};

/// Where a sparse file has data, in order; what lies between reads as zeros.
Result<std::vector<Extent>> data_extents(int fd, std::uint64_t size);

/// A memory file that is sealed: nobody can write to it or change its size, forks map it privately. Mapped
/// here too, for reading.
class FrozenRam {
 public:
  /// Reads a file that save() wrote; a host error when it is not `bytes` long.
  static Result<FrozenRam> load(const std::filesystem::path& file, std::uint64_t bytes);
  /// Writes guest RAM as a sparse file: pages of zeros become holes.
  static Result<> save(std::span<const std::byte> ram, std::span<const Extent> data,
                       const std::filesystem::path& file);

  FrozenRam(FrozenRam&& other) noexcept;
  FrozenRam& operator=(FrozenRam&& other) noexcept;
  ~FrozenRam();

  int fd() const { return fd_.get(); }
  std::span<const std::byte> bytes() const { return bytes_; }
  /// Where it is not zero. Read only there: a look at a hole of a memory file fills it.
  std::span<const Extent> data() const { return data_; }

 private:
  FrozenRam(UniqueFd fd, std::span<const std::byte> bytes, std::vector<Extent> data)
      : fd_(std::move(fd)), bytes_(bytes), data_(std::move(data)) {}
  UniqueFd fd_;
  std::span<const std::byte> bytes_;
  std::vector<Extent> data_;
};

}  // namespace crashpath
