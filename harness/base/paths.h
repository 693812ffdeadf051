#pragma once

// Where things are kept, as the XDG base directory specification says.

#include <filesystem>

namespace crashpath {

/// $XDG_CACHE_HOME/crashpath (~/.cache/crashpath): packages, guest images, built probes. May be deleted at
/// any time.
std::filesystem::path cache_directory();
/// $XDG_STATE_HOME/crashpath (~/.local/state/crashpath): history of runs.
std::filesystem::path state_directory();
/// Where catalog and scenarios are read from: $CRASHPATH_DATA_DIR, or the source tree this program was built
/// in.
std::filesystem::path data_directory();

}  // namespace crashpath
