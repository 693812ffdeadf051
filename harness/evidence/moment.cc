#include "harness/evidence/moment.h"

#include <algorithm>
#include <cstddef>

namespace crashpath {
namespace {

constexpr std::array<std::string_view, kMoments.size()> kNames = {"armed", "crash", "second-kernel",
                                                                  "captured"};

}  // namespace

std::string_view to_string(Moment moment) {
  return kNames.at(static_cast<std::size_t>(moment));
}

std::optional<Moment> parse_moment(std::string_view text) {
  const auto* const name = std::find(kNames.begin(), kNames.end(), text);
  if (name == kNames.end()) return std::nullopt;
  return kMoments.at(static_cast<std::size_t>(name - kNames.begin()));
}

}  // namespace crashpath
