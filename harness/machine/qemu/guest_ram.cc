#include "harness/machine/qemu/guest_ram.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

namespace crashpath {

Result<GuestRam> GuestRam::create(std::uint64_t bytes) {
  UniqueFd fd(::memfd_create("crashpath-guest-ram", MFD_CLOEXEC));
  if (!fd) return Error::from_errno("cannot create a memory file for the guest's RAM");
  if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0)
    return Error::from_errno(fmt::format("cannot make a memory file of {} MiB", bytes >> 20));
  void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (mapped == MAP_FAILED)
    return Error::from_errno(fmt::format("cannot map {} MiB of guest RAM", bytes >> 20));
  ::madvise(mapped, bytes, MADV_DONTDUMP);
  return GuestRam(std::move(fd), {static_cast<std::byte*>(mapped), bytes});
}

GuestRam::GuestRam(GuestRam&& other) noexcept
    : fd_(std::move(other.fd_)), bytes_(std::exchange(other.bytes_, {})) {}

GuestRam& GuestRam::operator=(GuestRam&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

GuestRam::~GuestRam() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace crashpath
