#include "guestimages/agent/modules.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "guestimages/agent/module_index.h"
#include "harness/base/file.h"

namespace crashpath {

Result<std::vector<std::string>> module_files(std::string_view name) {
  utsname system{};
  ::uname(&system);
  const std::string directory = fmt::format("/lib/modules/{}/", system.release);
  const std::string probe = fmt::format("{}crashpath/{}.ko", directory, name);
  if (::access(probe.c_str(), R_OK) == 0) return std::vector<std::string>{probe};

  const auto builtin = read_file(directory + "modules.builtin");
  const ModuleIndex index(CP_TRY(read_file(directory + "modules.dep")), builtin ? *builtin : "");
  auto files = CP_TRY(index.load_order(name));
  for (std::string& file : files) file.insert(0, directory);
  return files;
}

Result<> load_module_file(const std::string& file, const std::string& params, IfLoaded if_loaded) {
  const UniqueFd fd = CP_TRY(open_file(file, O_RDONLY));
  if (::syscall(SYS_finit_module, fd.get(), params.c_str(), 0) == 0) return {};
  if (errno == EEXIST && if_loaded == IfLoaded::fine) return {};
  return Error::guest(fmt::format("cannot load {}: {}; the console may say why", file, std::strerror(errno)));
}

Result<> load_module(std::string_view name, const std::string& params, IfLoaded if_loaded) {
  auto files = CP_TRY(module_files(name));
  if (files.empty()) return {};
  const std::string module = std::move(files.back());
  files.pop_back();
  for (const std::string& dependency : files) CP_TRY(load_module_file(dependency, ""));
  return load_module_file(module, params, if_loaded);
}

}  // namespace crashpath
