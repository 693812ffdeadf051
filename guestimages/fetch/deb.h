#pragma once

// Debian package files.

#include <filesystem>

#include "harness/base/result.h"

namespace crashpath {

/// Unpacks the files of a .deb below `directory`, which exists. Owners and device files are left out, modes
/// and links kept. Refuses a package that would write outside of `directory`: absolute paths, "..", or a path
/// through a symbolic link.
Result<> unpack_deb(const std::filesystem::path& deb, const std::filesystem::path& directory);

}  // namespace crashpath
