#pragma once

// The moments of a trial at which the host looks into the stopped guest. docs/evidence.md says when each is.

#include <array>
#include <optional>
#include <string_view>

namespace crashpath {

enum class Moment {
  armed,          ///< everything is ready for the trigger
  crash,          ///< the second kernel's first sign of life: the first one is gone, nothing was done yet
  second_kernel,  ///< the second kernel's agent said hello
  captured,       ///< the dump is complete
};
inline constexpr std::array kMoments = {Moment::armed, Moment::crash, Moment::second_kernel,
                                        Moment::captured};
std::string_view to_string(Moment moment);  ///< "second-kernel", as in the names of files
std::optional<Moment> parse_moment(std::string_view text);

}  // namespace crashpath
