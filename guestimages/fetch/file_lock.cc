#include "guestimages/fetch/file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>

namespace crashpath {

Result<FileLock> FileLock::take(const std::filesystem::path& file, const Say& say) {
  UniqueFd fd = CP_TRY(open_file(file, O_RDWR | O_CREAT));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return FileLock(std::move(fd));
  if (errno == EWOULDBLOCK && say)
    say(fmt::format("waiting for another crashpath that holds {}", file.native()));
  while (::flock(fd.get(), LOCK_EX) != 0)
    if (errno != EINTR) return Error::from_errno(fmt::format("cannot lock {}", file.native()));
  return FileLock(std::move(fd));
}

}  // namespace crashpath
