#include "harness/evidence/stage.h"

#include <cstddef>

namespace crashpath {
namespace {

constexpr std::array<std::string_view, kStages.size()> kStageNames = {
    "image", "boot", "arm", "crash", "handover", "second-kernel", "capture", "verify"};
constexpr std::array<std::string_view, 6> kOutcomeNames = {"pass", "fail", "xfail", "xpass", "skip", "error"};

template <class Enum, std::size_t N>
std::optional<Enum> parse_name(const std::array<std::string_view, N>& names, std::string_view text) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Stage stage) {
  return kStageNames.at(static_cast<std::size_t>(stage));
}
std::optional<Stage> parse_stage(std::string_view text) {
  return parse_name<Stage>(kStageNames, text);
}

std::string_view to_string(Outcome outcome) {
  return kOutcomeNames.at(static_cast<std::size_t>(outcome));
}
std::optional<Outcome> parse_outcome(std::string_view text) {
  return parse_name<Outcome>(kOutcomeNames, text);
}

}  // namespace crashpath
