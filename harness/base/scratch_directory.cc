#include "harness/base/scratch_directory.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include "harness/base/file.h"

namespace crashpath {

namespace {
/// Before the id of the process that makes it.
constexpr std::string_view kPrefix = ".new-";
}  // namespace

Result<ScratchDirectory> ScratchDirectory::make(const std::filesystem::path& parent) {
  CP_TRY(make_directories(parent));
  std::error_code code;
  std::string path =
      std::filesystem::canonical(parent, code) / fmt::format("{}{}-XXXXXX", kPrefix, ::getpid());
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

void remove_stale_scratch(const std::filesystem::path& parent) {
  std::error_code code;
  std::vector<std::filesystem::path> stale;
  for (const auto& entry : std::filesystem::directory_iterator(parent, code)) {
    const std::string name = entry.path().filename();
    const pid_t maker = name.starts_with(kPrefix) ? std::atoi(name.c_str() + kPrefix.size()) : 0;
    if (maker > 0 && ::kill(maker, 0) != 0 && errno == ESRCH) stale.push_back(entry.path());
  }
  for (const auto& directory : stale) std::filesystem::remove_all(directory, code);
}

}  // namespace crashpath
