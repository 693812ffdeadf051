#pragma once

// Which shared libraries programs of the guest need: what the dynamic loader would look for, found without
// running it.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace crashpath {

/// What an ELF file asks of the dynamic loader.
struct DynamicNeeds {
  std::string interpreter;  ///< PT_INTERP: "/lib64/ld64.so.2"; empty for libraries and static programs
  std::vector<std::string> libraries;  ///< DT_NEEDED, in order: "libc.so.6"
};

/// A host error when it is no ELF file.
Result<DynamicNeeds> dynamic_needs(const std::filesystem::path& elf);

/// Everything that `programs` need to run, directly or through another library: path in the initramfs without
/// leading slash -> file. Libraries go to lib/, where every loader of glibc looks; the loader goes to the
/// path that the programs name. All are looked for in the library directories below `root` (unpacked
/// packages). A host error names a library that is not there, and who needs it.
Result<std::map<std::string, std::filesystem::path>> find_shared_libraries(
    const std::vector<std::filesystem::path>& programs, const std::filesystem::path& root,
    std::string_view triplet);

}  // namespace crashpath
