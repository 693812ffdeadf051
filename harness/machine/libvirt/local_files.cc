#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <mutex>

#include "harness/base/file.h"
#include "harness/machine/frozen_ram.h"
#include "harness/machine/libvirt/files.h"

namespace crashpath::libvirt {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = std::size_t{1} << 30;  // of one sendfile(2)

/// By sendfile(2): copy_file_range(2) refuses files of two file systems.
Result<> copy_extent(int from, int to, const Extent& extent) {
  auto in = static_cast<off_t>(extent.offset);
  if (::lseek(to, in, SEEK_SET) < 0) return Error::from_errno("cannot copy");
  for (std::uint64_t left = extent.length; left > 0;) {
    const ssize_t copied = ::sendfile(to, from, &in, std::min<std::size_t>(left, kPiece));
    if (copied < 0 && errno == EINTR) continue;
    if (copied < 0) return Error::from_errno("cannot copy");
    if (copied == 0) return Error::host("cannot copy: the file has become shorter");
    left -= static_cast<std::uint64_t>(copied);
  }
  return {};
}

/// What is a hole stays one.
Result<> copy_sparse(const fs::path& from, const fs::path& to, unsigned mode) {
  const UniqueFd source = CP_TRY(open_file(from, O_RDONLY));
  const UniqueFd target = CP_TRY(open_file(to, O_WRONLY | O_CREAT | O_TRUNC, mode));
  struct stat status {};
  ::fstat(source.get(), &status);
  if (::fchmod(target.get(), mode) != 0 || ::ftruncate(target.get(), status.st_size) != 0)
    return Error::from_errno(fmt::format("cannot make {}", to.native()));
  for (const auto& extent : CP_TRY(data_extents(source.get(), static_cast<std::uint64_t>(status.st_size))))
    if (auto copied = copy_extent(source.get(), target.get(), extent); !copied)
      return std::move(copied.error()).within(fmt::format("{} to {}", from.native(), to.native()));
  return {};
}

class LocalFiles final : public HostFiles {
 public:
  LocalFiles(fs::path directory, uid_t user) : directory_(std::move(directory)), user_(user) {}
  ~LocalFiles() override {
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }

  Result<std::string> publish(const fs::path& file) override {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0)
      return Error::from_errno(fmt::format("cannot read {}", file.native()));
    const fs::path there = directory_ / fmt::format("read-{}-{}-{}.{}", status.st_dev, status.st_ino,
                                                    status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    const std::scoped_lock lock(mutex_);
    std::error_code code;
    if (fs::exists(there, code)) return there.native();
    // The directory it lies in may be closed to QEMU's user, therefore another name of the same file; or a
    // copy, where the file itself is closed, too.
    if ((status.st_mode & S_IROTH) == 0 || ::link(file.c_str(), there.c_str()) != 0)
      CP_TRY(copy_sparse(file, there, 0644));
    return there.native();
  }

  Result<std::string> create(const std::string& name, std::uint64_t bytes) override {
    const fs::path file = directory_ / name;
    const UniqueFd fd = CP_TRY(open_file(file, O_RDWR | O_CREAT | O_EXCL, 0600));
    if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0)
      return Error::from_errno(fmt::format("cannot make {} {} bytes long", file.native(), bytes));
    if (user_ != static_cast<uid_t>(-1) && ::fchown(fd.get(), user_, static_cast<gid_t>(-1)) != 0)
      return Error::from_errno(fmt::format("cannot give {} away", file.native()));
    return file.native();
  }

  std::string path_of(const std::string& name) override { return (directory_ / name).native(); }

  Result<> fetch(const std::string& name, const fs::path& to) override {
    const fs::path from = directory_ / name;
    if (::rename(from.c_str(), to.c_str()) != 0) {
      if (auto copied = copy_sparse(from, to, 0644); !copied) {
        ::unlink(to.c_str());  // half a dump would be blamed on the guest
        return std::move(copied).error();
      }
      ::unlink(from.c_str());
    } else if (::chown(to.c_str(), ::geteuid(), static_cast<gid_t>(-1)) != 0 ||
               ::chmod(to.c_str(), 0644) != 0) {
      return Error::from_errno(fmt::format("cannot take {}", to.native()));
    }
    return {};
  }

  void remove(const std::string& name) override { ::unlink((directory_ / name).c_str()); }

 private:
  fs::path directory_;
  uid_t user_;
  std::mutex mutex_;  ///< of publish(): one copy of each file
};

}  // namespace

Result<std::unique_ptr<HostFiles>> make_local_files(const fs::path& directory, uid_t user) {
  CP_TRY(make_directories(directory));
  // QEMU's user goes through it, and neither lists it nor makes files in it.
  if (::chmod(directory.c_str(), 0711) != 0)
    return Error::from_errno(fmt::format("cannot open {} to QEMU", directory.native()));
  return std::unique_ptr<HostFiles>(std::make_unique<LocalFiles>(directory, user));
}

}  // namespace crashpath::libvirt
