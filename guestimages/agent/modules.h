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

/// Whether it is an error that a module is loaded already.
enum class IfLoaded { fine, error };

/// Loads one file.
Result<> load_module_file(const std::string& file, const std::string& params,
                          IfLoaded if_loaded = IfLoaded::fine);

/// module_files, all loaded; `params` and `if_loaded` are for the module itself.
Result<> load_module(std::string_view name, const std::string& params, IfLoaded if_loaded = IfLoaded::fine);

}  // namespace crashpath
