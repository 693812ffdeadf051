#include "guestimages/agent/vmcore.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "harness/agent/protocol.h"
#include "harness/base/file.h"

namespace crashpath {
namespace {

Error not_vmcore(std::string_view why) {
  return Error::guest(fmt::format("/proc/vmcore: {}", why));
}

/// The first `size` bytes of an open file, or as many as there are.
Result<std::string> read_start(int fd, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t n = ::pread(fd, bytes.data() + have, size - have, static_cast<off_t>(have));
    if (n < 0) return Error::from_errno("cannot read /proc/vmcore");
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace

Result<std::uint64_t> first_segment_offset(std::string_view start, std::uint64_t file_size) {
  Elf64_Ehdr header;
  if (start.size() < sizeof header) return not_vmcore("shorter than an ELF header");
  std::memcpy(&header, start.data(), sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB)
    return not_vmcore("not a 64-bit little-endian ELF file");
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == PN_XNUM)
    return not_vmcore("program headers of an unknown form");
  const std::uint64_t table_size = std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr);
  if (header.e_phoff > start.size() || table_size > start.size() - header.e_phoff)
    return not_vmcore("the program headers lie outside of what was read");

  std::uint64_t first = std::numeric_limits<std::uint64_t>::max();
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, start.data() + header.e_phoff + i * sizeof segment, sizeof segment);
    if (segment.p_type == PT_LOAD) first = std::min<std::uint64_t>(first, segment.p_offset);
  }
  if (first == std::numeric_limits<std::uint64_t>::max()) return not_vmcore("there is no PT_LOAD");
  if (first > file_size) return not_vmcore("the first PT_LOAD begins behind the end of the file");
  return first;
}

Result<VmcoreHeaders> read_vmcore_headers(const std::string& path) {
  const UniqueFd fd = CP_TRY(open_file(path, O_RDONLY));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return Error::from_errno("cannot stat " + path);
  VmcoreHeaders headers;
  headers.bytes = CP_TRY(read_start(fd.get(), agent_protocol::max_vmcore_headers));
  headers.segments_at =
      CP_TRY(first_segment_offset(headers.bytes, static_cast<std::uint64_t>(status.st_size)));
  if (headers.segments_at > headers.bytes.size())
    return Error::guest(fmt::format("the headers of /proc/vmcore are {} bytes, more than {}",
                                    headers.segments_at, headers.bytes.size()));
  headers.bytes.resize(headers.segments_at);
  return headers;
}

}  // namespace crashpath
