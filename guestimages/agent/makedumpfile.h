#pragma once

// What makedumpfile says and writes.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "harness/base/result.h"

namespace crashpath {

/// Whether what a failed makedumpfile said means that it does not know this kernel, rather than that the dump
/// is bad.
bool refused_by_makedumpfile(std::string_view output);

/// The progress that makedumpfile shows last: "Copying data: 45.2 %". Empty before the first.
std::string makedumpfile_progress(std::string_view output);

/// Puts the pieces of makedumpfile's flattened format (-F), which comes as a stream, where they belong: a
/// header of 4096 bytes ("makedumpfile", type and version as big-endian 64-bit numbers), then records of
/// offset, size (both big-endian, 64 bits) and data, ended by -1, -1. This is how the exact length of a dump
/// on a disk gets known.
class FlattenedReader {
 public:
  using Write = std::function<Result<>(std::uint64_t offset, std::string_view data)>;

  explicit FlattenedReader(Write write) : write_(std::move(write)) {}

  /// More of the stream, cut anywhere.
  Result<> append(std::string_view bytes);
  bool complete() const { return state_ == State::end; }
  std::uint64_t written() const { return written_; }  ///< bytes, what is overwritten counts again
  std::uint64_t length() const { return length_; }    ///< end of the furthest piece

 private:
  enum class State { header, record, data, end };

  Result<> take_header();
  Result<> take_record();
  Result<std::size_t> take_data(std::string_view bytes);

  Write write_;
  State state_ = State::header;
  std::string pending_;  ///< of a header or record that is not complete
  std::uint64_t offset_ = 0;
  std::uint64_t left_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t length_ = 0;
};

}  // namespace crashpath
