#include "guestimages/agent/makedumpfile.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string.hpp>
#include <boost/endian/conversion.hpp>
#include <limits>

namespace crashpath {
namespace {

constexpr std::size_t header_size = 4096;
constexpr std::size_t record_size = 16;
constexpr std::string_view signature("makedumpfile\0\0\0\0", 16);

std::uint64_t big_endian(std::string_view bytes, std::size_t at) {
  return boost::endian::load_big_u64(reinterpret_cast<const unsigned char*>(bytes.data() + at));
}

}  // namespace

bool refused_by_makedumpfile(std::string_view output) {
  constexpr std::string_view words[] = {"not supported", "n't support", "not support",
                                        "Can't determine platform config"};
  return std::any_of(std::begin(words), std::end(words),
                     [&](std::string_view word) { return boost::algorithm::contains(output, word); });
}

// Lines such as "Copying data                                      : [ 45.2 %] /  eta: 3s", separated by \r.
std::string makedumpfile_progress(std::string_view output) {
  const std::size_t bracket = output.rfind(" %]");
  if (bracket == std::string_view::npos) return {};
  output = output.substr(0, bracket);
  output.remove_prefix(output.find_last_of("\r\n") + 1);
  const std::size_t colon = output.find(':');
  const std::size_t open = output.find('[');
  if (colon == std::string_view::npos || open == std::string_view::npos) return {};
  return fmt::format("{}: {} %", boost::algorithm::trim_copy(std::string(output.substr(0, colon))),
                     boost::algorithm::trim_copy(std::string(output.substr(open + 1))));
}

Result<> FlattenedReader::append(std::string_view bytes) {
  while (!bytes.empty()) {
    if (state_ == State::end) return Error::guest("makedumpfile wrote more behind the end of its dump");
    if (state_ == State::data) {
      bytes.remove_prefix(CP_TRY(take_data(bytes)));
      continue;
    }
    const std::size_t wanted = (state_ == State::header ? header_size : record_size) - pending_.size();
    pending_ += bytes.substr(0, wanted);
    if (bytes.size() < wanted) return {};
    bytes.remove_prefix(wanted);
    CP_TRY(state_ == State::header ? take_header() : take_record());
    pending_.clear();
  }
  return {};
}

Result<> FlattenedReader::take_header() {
  if (!boost::algorithm::starts_with(pending_, signature))
    return Error::guest("what makedumpfile -F wrote is not in its flattened format");
  state_ = State::record;
  return {};
}

Result<> FlattenedReader::take_record() {
  constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
  offset_ = big_endian(pending_, 0);
  left_ = big_endian(pending_, 8);
  if (offset_ == ~std::uint64_t{0}) {
    state_ = State::end;
    return {};
  }
  if (offset_ > largest || left_ > largest - offset_)
    return Error::guest(
        fmt::format("makedumpfile wrote {} bytes at the impossible offset {}", left_, offset_));
  state_ = left_ == 0 ? State::record : State::data;
  return {};
}

Result<std::size_t> FlattenedReader::take_data(std::string_view bytes) {
  const std::string_view piece = bytes.substr(0, left_);
  CP_TRY(write_(offset_, piece));
  offset_ += piece.size();
  left_ -= piece.size();
  written_ += piece.size();
  length_ = std::max(length_, offset_);
  if (left_ == 0) state_ = State::record;
  return piece.size();
}

}  // namespace crashpath
