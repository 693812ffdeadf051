#include "harness/machine/qemu/guest_ram.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <sstream>

namespace crashpath {
namespace {

class SharedRam final : public GuestRam {
 public:
  SharedRam(UniqueFd fd, std::span<std::byte> bytes) : fd_(std::move(fd)), bytes_(bytes) {}
  ~SharedRam() override { ::munmap(bytes_.data(), bytes_.size()); }
  SharedRam(const SharedRam&) = delete;
  SharedRam& operator=(const SharedRam&) = delete;

  int fd() const override { return fd_.get(); }
  Result<GuestMemory> view(pid_t) override {
    return GuestMemory{.bytes = bytes_, .data = CP_TRY(data_extents(fd_.get(), bytes_.size()))};
  }
  Result<> write(pid_t, std::uint64_t offset, std::span<const std::byte> bytes) override {
    std::copy(bytes.begin(), bytes.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }

 private:
  UniqueFd fd_;
  std::span<std::byte> bytes_;
};

/// Where QEMU has mapped the file: the line of /proc/PID/maps with its inode (proc(5)).
Result<std::uint64_t> find_mapping(pid_t qemu, int fd) {
  struct stat status {};
  ::fstat(fd, &status);
  std::istringstream maps(CP_TRY(read_file(fmt::format("/proc/{}/maps", qemu))));
  for (std::string line; std::getline(maps, line);) {
    std::uint64_t begin = 0, end = 0, offset = 0, inode = 0;
    unsigned device_major = 0, device_minor = 0;
    char permissions[5] = "";
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64, &begin, &end,
                    permissions, &offset, &device_major, &device_minor, &inode) == 7 &&
        inode == status.st_ino && device_major == major(status.st_dev) &&
        device_minor == minor(status.st_dev))
      return begin - offset;
  }
  return Error::host(fmt::format("QEMU (process {}) has not mapped its RAM", qemu));
}

class ForkedRam final : public GuestRam {
 public:
  ForkedRam(std::shared_ptr<const FrozenRam> frozen, std::span<std::byte> view)
      : frozen_(std::move(frozen)), view_(view) {}
  ~ForkedRam() override { ::munmap(view_.data(), view_.size()); }
  ForkedRam(const ForkedRam&) = delete;
  ForkedRam& operator=(const ForkedRam&) = delete;

  int fd() const override { return frozen_->fd(); }
  Result<GuestMemory> view(pid_t qemu) override;
  Result<> write(pid_t qemu, std::uint64_t offset, std::span<const std::byte> bytes) override;

 private:
  Result<std::vector<Extent>> changed_extents(pid_t qemu, std::uint64_t mapped) const;

  std::shared_ptr<const FrozenRam> frozen_;
  std::span<std::byte> view_;  ///< private mapping of ours, brought up to date by view()
};

/// Pages of QEMU's own: in memory or swapped out, and not pages of the file (Documentation/admin-guide/mm/
/// pagemap.rst: bit 63 present, 62 swapped, 61 page of a file or shared).
Result<std::vector<Extent>> ForkedRam::changed_extents(pid_t qemu, std::uint64_t mapped) const {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::string file = fmt::format("/proc/{}/pagemap", qemu);
  const UniqueFd fd = CP_TRY(open_file(file, O_RDONLY));
  std::vector<std::uint64_t> entries(view_.size() / page);
  const std::size_t size = entries.size() * sizeof(std::uint64_t);
  for (std::size_t done = 0; done < size;) {
    const ssize_t got = ::pread(fd.get(), reinterpret_cast<char*>(entries.data()) + done, size - done,
                                static_cast<off_t>(mapped / page * sizeof(std::uint64_t) + done));
    if (got <= 0) return Error::from_errno(fmt::format("cannot read {}", file));
    done += static_cast<std::size_t>(got);
  }
  std::vector<Extent> extents;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const bool has_page = (entries[i] >> 62) != 0;
    const bool of_file = (entries[i] >> 61 & 1) != 0;
    if (!has_page || of_file) continue;
    if (!extents.empty() && extents.back().offset + extents.back().length == i * page)
      extents.back().length += page;
    else
      extents.push_back({i * page, page});
  }
  return extents;
}

Result<GuestMemory> ForkedRam::view(pid_t qemu) {
  const std::uint64_t mapped = CP_TRY(find_mapping(qemu, fd()));
  GuestMemory memory{.bytes = view_, .data = {frozen_->data().begin(), frozen_->data().end()}};
  memory.changed = CP_TRY(changed_extents(qemu, mapped));
  const UniqueFd process = CP_TRY(open_file(fmt::format("/proc/{}/mem", qemu), O_RDONLY));
  for (const Extent& extent : *memory.changed)
    for (std::uint64_t done = 0; done < extent.length;) {
      const ssize_t got = ::pread(process.get(), view_.data() + extent.offset + done, extent.length - done,
                                  static_cast<off_t>(mapped + extent.offset + done));
      if (got <= 0) return Error::from_errno("cannot read the guest's RAM out of QEMU");
      done += static_cast<std::uint64_t>(got);
    }
  memory.data.insert(memory.data.end(), memory.changed->begin(), memory.changed->end());
  return memory;
}

Result<> ForkedRam::write(pid_t qemu, std::uint64_t offset, std::span<const std::byte> bytes) {
  const std::uint64_t mapped = CP_TRY(find_mapping(qemu, fd()));
  const UniqueFd process = CP_TRY(open_file(fmt::format("/proc/{}/mem", qemu), O_RDWR));
  const ssize_t written =
      ::pwrite(process.get(), bytes.data(), bytes.size(), static_cast<off_t>(mapped + offset));
  if (written != static_cast<ssize_t>(bytes.size()))
    return Error::from_errno("cannot write into the guest's RAM");
  return {};
}

Result<std::span<std::byte>> map_ram(std::uint64_t bytes, int flags, int fd) {
  void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (mapped == MAP_FAILED)
    return Error::from_errno(fmt::format("cannot map {} MiB of guest RAM", bytes >> 20));
  ::madvise(mapped, bytes, MADV_DONTDUMP);
  return std::span(static_cast<std::byte*>(mapped), bytes);
}

}  // namespace

Result<std::unique_ptr<GuestRam>> make_shared_ram(std::uint64_t bytes) {
  UniqueFd fd(::memfd_create("crashpath-guest-ram", MFD_CLOEXEC));
  if (!fd) return Error::from_errno("cannot create a memory file for the guest's RAM");
  if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0)
    return Error::from_errno(fmt::format("cannot make a memory file of {} MiB", bytes >> 20));
  const auto mapped = CP_TRY(map_ram(bytes, MAP_SHARED, fd.get()));
  return std::make_unique<SharedRam>(std::move(fd), mapped);
}

Result<std::unique_ptr<GuestRam>> make_forked_ram(std::shared_ptr<const FrozenRam> frozen) {
  const auto mapped = CP_TRY(map_ram(frozen->bytes().size(), MAP_PRIVATE | MAP_NORESERVE, frozen->fd()));
  return std::make_unique<ForkedRam>(std::move(frozen), mapped);
}

}  // namespace crashpath
