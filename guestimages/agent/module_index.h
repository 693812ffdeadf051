#pragma once

// Which files to load for a kernel module, in which order.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace crashpath {

class ModuleIndex {
 public:
  /// The contents of modules.dep ("kernel/a.ko: kernel/b.ko kernel/c.ko") and modules.builtin
  /// ("kernel/d.ko").
  ModuleIndex(std::string_view modules_dep, std::string_view modules_builtin);

  /// Files to load, relative to the directory of modules.dep, dependencies first and the module itself last.
  /// Empty for a module that is built into the kernel. `-` and `_` in a name mean the same. An error for an
  /// unknown name.
  Result<std::vector<std::string>> load_order(std::string_view name) const;

 private:
  void add_in_order(const std::string& file, std::set<std::string>& seen,
                    std::vector<std::string>& order) const;

  std::map<std::string, std::string> files_;                      ///< name of a module: its file
  std::map<std::string, std::vector<std::string>> dependencies_;  ///< file: files
  std::set<std::string> builtin_;                                 ///< names
};

/// "kernel/drivers/char/hw_random/virtio-rng.ko" is virtio_rng.
std::string module_name(std::string_view file);

}  // namespace crashpath
