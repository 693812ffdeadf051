#include "harness/machine/frozen_ram.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace crashpath {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kBlock = std::size_t{1} << 20;

bool is_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

Result<> write_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset,
                  const std::filesystem::path& file) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Error::from_errno(fmt::format("cannot write {}", file.native()));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

Result<> copy(int from, int to, const Extent& extent, const std::filesystem::path& file) {
  std::vector<std::byte> buffer(kBlock);
  for (std::uint64_t done = 0; done < extent.length;) {
    const std::size_t want = std::min<std::uint64_t>(buffer.size(), extent.length - done);
    const ssize_t got = ::pread(from, buffer.data(), want, static_cast<off_t>(extent.offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Error::from_errno(fmt::format("cannot read {}", file.native()));
    const auto bytes = std::span(buffer).first(static_cast<std::size_t>(got));
    CP_TRY(write_at(to, bytes, extent.offset + done, "a memory file"));
    done += bytes.size();
  }
  return {};
}

Result<UniqueFd> create_memory_file(std::uint64_t bytes) {
  UniqueFd fd(::memfd_create("crashpath-frozen-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0)
    return Error::from_errno(fmt::format("cannot make a memory file of {} MiB", bytes >> 20));
  return fd;
}

}  // namespace

Result<std::vector<Extent>> data_extents(int fd, std::uint64_t size) {
  std::vector<Extent> extents;
  for (off_t end = 0;;) {
    const off_t begin = ::lseek(fd, end, SEEK_DATA);
    if (begin < 0 && errno == ENXIO) return extents;  // nothing but a hole follows
    if (begin < 0 || static_cast<std::uint64_t>(begin) >= size)
      return Error::from_errno("cannot tell data from holes");
    end = ::lseek(fd, begin, SEEK_HOLE);
    if (end < 0) return Error::from_errno("cannot tell data from holes");
    const auto last = std::min(static_cast<std::uint64_t>(end), size);
    extents.push_back({static_cast<std::uint64_t>(begin), last - static_cast<std::uint64_t>(begin)});
    if (last == size) return extents;
  }
}

Result<FrozenRam> FrozenRam::load(const std::filesystem::path& file, std::uint64_t bytes) {
  const UniqueFd from = CP_TRY(open_file(file, O_RDONLY));
  std::error_code code;
  if (const auto size = std::filesystem::file_size(file, code); code || size != bytes)
    return Error::host(fmt::format("{} is not {} bytes long", file.native(), bytes));
  UniqueFd fd = CP_TRY(create_memory_file(bytes));
  for (const Extent& extent : CP_TRY(data_extents(from.get(), bytes)))
    CP_TRY(copy(from.get(), fd.get(), extent, file));
  std::vector<Extent> data = CP_TRY(data_extents(fd.get(), bytes));
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
    return Error::from_errno("cannot seal a memory file");
  void* mapped = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (mapped == MAP_FAILED)
    return Error::from_errno(fmt::format("cannot map {} MiB of guest RAM", bytes >> 20));
  ::madvise(mapped, bytes, MADV_DONTDUMP);
  return FrozenRam(std::move(fd), {static_cast<const std::byte*>(mapped), bytes}, std::move(data));
}

Result<> FrozenRam::save(std::span<const std::byte> ram, std::span<const Extent> data,
                         const std::filesystem::path& file) {
  const UniqueFd fd = CP_TRY(open_file(file, O_RDWR | O_CREAT | O_TRUNC));
  if (::ftruncate(fd.get(), static_cast<off_t>(ram.size())) != 0)
    return Error::from_errno(fmt::format("cannot make {} {} bytes long", file.native(), ram.size()));
  for (const Extent& extent : data) {
    // Runs of pages that are not zero, each in one write.
    std::uint64_t begin = extent.offset;
    const std::uint64_t end = extent.offset + extent.length;
    for (std::uint64_t at = begin; at < end; at += kPage) {
      const std::size_t length = std::min<std::uint64_t>(kPage, end - at);
      if (!is_zero(ram.subspan(at, length))) continue;
      CP_TRY(write_at(fd.get(), ram.subspan(begin, at - begin), begin, file));
      begin = at + length;
    }
    if (begin < end) CP_TRY(write_at(fd.get(), ram.subspan(begin, end - begin), begin, file));
  }
  return {};
}

FrozenRam::FrozenRam(FrozenRam&& other) noexcept
    : fd_(std::move(other.fd_)), bytes_(std::exchange(other.bytes_, {})), data_(std::move(other.data_)) {}

FrozenRam& FrozenRam::operator=(FrozenRam&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(bytes_, other.bytes_);
  std::swap(data_, other.data_);
  return *this;
}

FrozenRam::~FrozenRam() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace crashpath
