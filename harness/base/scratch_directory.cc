#include "harness/base/scratch_directory.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <string>

#include "harness/base/file.h"

namespace crashpath {

Result<ScratchDirectory> ScratchDirectory::make(const std::filesystem::path& parent) {
  CP_TRY(make_directories(parent));
  std::error_code code;
  std::string path = std::filesystem::canonical(parent, code) / ".new-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return Error::from_errno(fmt::format("cannot create {}", path));
  ::chmod(path.c_str(), 0755);
  return ScratchDirectory(path);
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code code;
  if (!path_.empty()) std::filesystem::remove_all(path_, code);
}

Result<> ScratchDirectory::rename_to(const std::filesystem::path& target) {
  std::error_code code;
  std::filesystem::rename(path_, target, code);
  if (!code)
    path_.clear();
  else if (!std::filesystem::is_directory(target))
    return Error::host(
        fmt::format("cannot rename {} to {}: {}", path_.native(), target.native(), code.message()));
  return {};
}

}  // namespace crashpath
