#pragma once

// Few large writes out of many small ones.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>

#include "harness/base/result.h"

namespace crashpath {

/// Collects pieces that follow each other and writes them as one. makedumpfile writes descriptors and pages
/// by turns, so a few such runs are kept open. Written piece by piece to a disk, most of them would make the
/// kernel read the rest of a block first.
class Gather {
 public:
  using Write = std::function<Result<>(std::uint64_t offset, std::string_view data)>;

  static constexpr std::size_t block = 64 * 1024;  ///< long runs are cut at its multiples
  static constexpr std::size_t longest =
      1024 * 1024;  ///< bytes of a run that are kept at most, but for one piece
  static constexpr std::size_t runs = 4;

  explicit Gather(Write write) : write_(std::move(write)) {}

  /// A later piece wins over an earlier one at the same place.
  Result<> add(std::uint64_t offset, std::string_view data);
  /// Writes what is left. Without it the end is missing.
  Result<> flush();

 private:
  struct Run {
    std::uint64_t offset = 0;
    std::string data;
    std::uint64_t end() const { return offset + data.size(); }
  };

  Result<> shorten(Run& run);

  Write write_;
  std::list<Run> runs_;  ///< the one that was added to last comes first
};

}  // namespace crashpath
