#include "harness/base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace crashpath {

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<UniqueFd> open_file(const std::filesystem::path& path, int flags, unsigned mode) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) return Error::from_errno(fmt::format("cannot open {}", path.native()));
  return fd;
}

Result<std::string> read_file(const std::filesystem::path& path) {
  const UniqueFd fd = CP_TRY(open_file(path, O_RDONLY));
  std::string content;
  char buffer[65536];
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n == 0) return content;
    if (n > 0)
      content.append(buffer, static_cast<size_t>(n));
    else if (errno != EINTR)
      return Error::from_errno(fmt::format("cannot read {}", path.native()));
  }
}

Result<> write_all(int fd, std::string_view content, std::string_view name) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n >= 0)
      content.remove_prefix(static_cast<size_t>(n));
    else if (errno != EINTR)
      return Error::from_errno(fmt::format("cannot write {}", name));
  }
  return {};
}

Result<> write_file(const std::filesystem::path& path, std::string_view content) {
  std::string temporary = path.native() + ".XXXXXX";
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return Error::from_errno(fmt::format("cannot create {}", temporary));
  auto written = write_all(fd.get(), content, path.native());
  if (written && ::fchmod(fd.get(), 0644) != 0)
    written = Error::from_errno(fmt::format("cannot chmod {}", temporary));
  if (written && ::fsync(fd.get()) != 0)
    written = Error::from_errno(fmt::format("cannot flush {}", path.native()));
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0)
    written = Error::from_errno(fmt::format("cannot rename {} to {}", temporary, path.native()));
  if (!written) ::unlink(temporary.c_str());
  return written;
}

Result<std::uint64_t> allocated_size(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return Error::from_errno(fmt::format("cannot look at {}", path.native()));
  return static_cast<std::uint64_t>(status.st_blocks) * 512;  // stat(2): whatever the file system's blocks
}

Result<> make_directories(const std::filesystem::path& path) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code) return Error::host(fmt::format("cannot create directory {}: {}", path.native(), code.message()));
  return {};
}

}  // namespace crashpath
