#include "guestimages/agent/vmcore.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "harness/agent/protocol.h"
#include "harness/base/file.h"

namespace crashpath {
namespace {

Error not_vmcore(std::string_view why) {
  return Error::guest(fmt::format("/proc/vmcore: {}", why));
}

/// The first `size` bytes of an open file.
Result<std::string> read_start(int fd, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t n = ::pread(fd, bytes.data() + have, size - have, static_cast<off_t>(have));
    if (n < 0 && errno != EINTR) return Error::from_errno("cannot read /proc/vmcore");
    if (n == 0) return not_vmcore(fmt::format("it ends after {} bytes", have));
    if (n > 0) have += static_cast<std::size_t>(n);
  }
  return bytes;
}

Result<Elf64_Ehdr> parse_elf_header(std::string_view start) {
  Elf64_Ehdr header;
  if (start.size() < sizeof header) return not_vmcore("shorter than an ELF header");
  std::memcpy(&header, start.data(), sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB)
    return not_vmcore("not a 64-bit little-endian ELF file");
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == PN_XNUM)
    return not_vmcore("program headers of an unknown form");
  return header;
}

}  // namespace

Result<std::uint64_t> end_of_program_headers(std::string_view start) {
  const Elf64_Ehdr header = CP_TRY(parse_elf_header(start));
  const std::uint64_t size = std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr);
  if (size > agent_protocol::max_vmcore_headers || header.e_phoff > agent_protocol::max_vmcore_headers - size)
    return not_vmcore(fmt::format("{} program headers at {}", header.e_phnum, header.e_phoff));
  return header.e_phoff + size;
}

Result<std::uint64_t> first_segment_offset(std::string_view start) {
  const Elf64_Ehdr header = CP_TRY(parse_elf_header(start));
  if (CP_TRY(end_of_program_headers(start)) > start.size())
    return not_vmcore("the program headers lie outside of what was read");
  std::uint64_t first = std::numeric_limits<std::uint64_t>::max();
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, start.data() + header.e_phoff + i * sizeof segment, sizeof segment);
    if (segment.p_type == PT_LOAD) first = std::min<std::uint64_t>(first, segment.p_offset);
  }
  if (first == std::numeric_limits<std::uint64_t>::max()) return not_vmcore("there is no PT_LOAD");
  if (first > agent_protocol::max_vmcore_headers)
    return not_vmcore(
        fmt::format("the headers are {} bytes, more than {}", first, agent_protocol::max_vmcore_headers));
  return first;
}

Result<VmcoreHeaders> read_vmcore_headers(const std::string& path) {
  const UniqueFd fd = CP_TRY(open_file(path, O_RDONLY));
  const std::string header = CP_TRY(read_start(fd.get(), sizeof(Elf64_Ehdr)));
  const std::string table = CP_TRY(read_start(fd.get(), CP_TRY(end_of_program_headers(header))));
  VmcoreHeaders headers;
  headers.segments_at = CP_TRY(first_segment_offset(table));
  headers.bytes = CP_TRY(read_start(fd.get(), headers.segments_at));
  return headers;
}

}  // namespace crashpath
