#pragma once

// The stages of a trial, and the outcomes of trials and checks.

#include <array>
#include <optional>
#include <string_view>

namespace crashpath {

enum class Stage { image, boot, arm, crash, handover, second_kernel, capture, verify };
inline constexpr std::array kStages = {Stage::image,    Stage::boot,          Stage::arm,     Stage::crash,
                                       Stage::handover, Stage::second_kernel, Stage::capture, Stage::verify};
std::string_view to_string(Stage stage);  ///< "second-kernel"
std::optional<Stage> parse_stage(std::string_view text);

enum class Outcome { pass, fail, xfail, xpass, skip, error };
std::string_view to_string(Outcome outcome);
std::optional<Outcome> parse_outcome(std::string_view text);

}  // namespace crashpath
