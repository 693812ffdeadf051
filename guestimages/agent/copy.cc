#include "guestimages/agent/copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace crashpath {
namespace {

constexpr std::size_t window_size = 4 * 1024 * 1024;
constexpr std::size_t block_size = 64 * 1024;  // the largest page size of our guests

std::uint64_t word_at(const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Most of a guest's memory is zero: this decides how long a capture takes. Four words at a time, as plain
/// loads: under TCG they are much cheaper than the vector instructions of memcmp(3).
bool all_zero(std::string_view bytes) {
  constexpr std::size_t step = 4 * sizeof(std::uint64_t);
  for (; bytes.size() >= step; bytes.remove_prefix(step)) {
    const char* at = bytes.data();
    if ((word_at(at) | word_at(at + 8) | word_at(at + 16) | word_at(at + 24)) != 0) return false;
  }
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

/// One piece of the file, mapped, or read into `buffer` when it cannot be.
class Window {
 public:
  Window(int fd, std::uint64_t offset, std::size_t size, std::string& buffer) : size_(size) {
    mapped_ = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, static_cast<off_t>(offset));
    if (mapped_ != MAP_FAILED) {
      bytes_ = std::string_view(static_cast<const char*>(mapped_), size);
      return;
    }
    buffer.resize(size);
    std::size_t have = 0;
    while (have < size) {
      const ssize_t n = ::pread(fd, buffer.data() + have, size - have, static_cast<off_t>(offset + have));
      if (n == 0 || (n < 0 && errno != EINTR)) break;
      if (n > 0) have += static_cast<std::size_t>(n);
    }
    bytes_ = std::string_view(buffer).substr(0, have);
  }
  ~Window() {
    if (mapped_ != MAP_FAILED) ::munmap(mapped_, size_);
  }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  bool complete() const { return bytes_.size() == size_; }
  std::string_view bytes() const { return bytes_; }

 private:
  void* mapped_;
  std::size_t size_;
  std::string_view bytes_;
};

/// Blocks that follow each other go to the disk as one, from memory that can be written past the page cache:
/// what is mapped from /proc/vmcore cannot.
class BlockWriter {
 public:
  explicit BlockWriter(int to)
      : to_(to),
        direct_((::fcntl(to, F_GETFL) & O_DIRECT) != 0),
        memory_(static_cast<char*>(std::aligned_alloc(block_size, window_size)), &std::free) {}

  Result<> add(std::uint64_t offset, std::string_view block) {
    if (!memory_) return Error::guest("no memory is left for the copy");
    if (offset != offset_ + filled_ || filled_ + block_size > window_size) {
      CP_TRY(flush());
      offset_ = offset;
    }
    std::memcpy(memory_.get() + filled_, block.data(), block.size());
    filled_ += block.size();
    return {};
  }
  Result<> flush() {
    if (filled_ == 0) return {};
    const std::size_t sector = direct_ ? 4096 : 1;
    const std::size_t whole = (filled_ + sector - 1) / sector * sector;
    std::memset(memory_.get() + filled_, 0, whole - filled_);
    filled_ = 0;
    return write_at(to_, offset_, std::string_view(memory_.get(), whole));
  }

 private:
  int to_;
  bool direct_;
  std::unique_ptr<char, decltype(&std::free)> memory_;
  std::uint64_t offset_ = 0;
  std::size_t filled_ = 0;
};

}  // namespace

Result<UniqueFd> open_disk(const std::string& path) {
  auto direct = open_file(path, O_WRONLY | O_DIRECT);
  return direct ? std::move(direct) : open_file(path, O_WRONLY);
}

Result<> write_at(int fd, std::uint64_t offset, std::string_view data) {
  while (!data.empty()) {
    const ssize_t n = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (n < 0 && errno != EINTR) return Error::from_errno("cannot write to the disk");
    if (n <= 0) continue;
    offset += static_cast<std::uint64_t>(n);
    data.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<std::uint64_t> copy_vmcore(const std::string& from, int to, bool blank, const CopyProgress& progress) {
  const UniqueFd file = CP_TRY(open_file(from, O_RDONLY));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return Error::from_errno("cannot stat " + from);
  if (status.st_size < 0)
    return Error::guest(
        fmt::format("{} has the impossible size {}", from, static_cast<std::uint64_t>(status.st_size)));
  const auto total = static_cast<std::uint64_t>(status.st_size);
  std::string buffer;
  BlockWriter writer(to);
  for (std::uint64_t done = 0; done < total;) {
    const Window window(file.get(), done, std::min<std::uint64_t>(window_size, total - done), buffer);
    if (!window.complete())
      return Error::guest(
          fmt::format("cannot read {} at {}: {}", from, done + window.bytes().size(), std::strerror(errno)));
    for (std::size_t at = 0; at < window.bytes().size(); at += block_size) {
      const auto block = window.bytes().substr(at, block_size);
      if (!blank || !all_zero(block)) CP_TRY(writer.add(done + at, block));
    }
    CP_TRY(writer.flush());
    done += window.bytes().size();
    progress(done, total);
  }
  return total;
}

}  // namespace crashpath
