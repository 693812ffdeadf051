#pragma once

// Loading kernel modules of the initramfs.

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace crashpath {

/// Files to load for a module of the running kernel, dependencies first; none when it is built in. Probes
/// (crashpath/NAME.ko) need not be in modules.dep.
Result<std::vector<std::string>> module_files(std::string_view name);

/// Loads one file. A module that is loaded already is no error.
Result<> load_module_file(const std::string& file, const std::string& params);

/// module_files, all loaded; `params` go to the module itself.
Result<> load_module(std::string_view name, const std::string& params);

}  // namespace crashpath
