#include "harness/machine/libvirt/domain_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gelf.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "harness/machine/libvirt/handles.h"

namespace crashpath::libvirt {
namespace {

namespace fs = std::filesystem;

using Elf = std::unique_ptr<::Elf, Releaser<elf_end>>;

Result<UniqueFd> empty_ram(std::uint64_t bytes) {
  UniqueFd fd(::memfd_create("crashpath-dumped-ram", MFD_CLOEXEC));
  if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0)
    return Error::from_errno("cannot create a memory file");
  return fd;
}

bool is_zero(const char* bytes, std::size_t length) {
  return length == 0 || (bytes[0] == 0 && std::equal(bytes, bytes + length - 1, bytes + 1));
}

/// Pages of zeros stay holes.
Result<> copy_segment(int core, const GElf_Phdr& segment, std::uint64_t base, std::uint64_t bytes, int ram) {
  std::array<char, 65536> piece;
  for (std::uint64_t done = 0; done < segment.p_filesz;) {
    const std::uint64_t address = segment.p_paddr + done;
    if (address < base || address - base >= bytes) return {};  // a device's memory
    const auto wanted = static_cast<std::size_t>(
        std::min<std::uint64_t>({piece.size(), segment.p_filesz - done, bytes - (address - base)}));
    const ssize_t length = ::pread(core, piece.data(), wanted, static_cast<off_t>(segment.p_offset + done));
    if (length <= 0) return Error::host("the core dump of the domain is cut off");
    const auto there = static_cast<std::size_t>(length);
    if (!is_zero(piece.data(), there) &&
        ::pwrite(ram, piece.data(), there, static_cast<off_t>(address - base)) != length)
      return Error::from_errno("cannot keep the memory of the domain");
    done += there;
  }
  return {};
}

Result<> read_core(const fs::path& file, std::uint64_t base, std::uint64_t bytes, int ram) {
  const UniqueFd core = CP_TRY(open_file(file, O_RDONLY));
  elf_version(EV_CURRENT);
  const Elf elf(elf_begin(core.get(), ELF_C_READ, nullptr));
  std::size_t count = 0;
  if (!elf || elf_getphdrnum(elf.get(), &count) != 0)
    return Error::host("the core dump of the domain is no ELF file");
  bool any = false;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr segment{};
    if (gelf_getphdr(elf.get(), static_cast<int>(i), &segment) == nullptr || segment.p_type != PT_LOAD)
      continue;
    CP_TRY(copy_segment(core.get(), segment, base, bytes, ram));
    any = true;
  }
  return any ? Result<>() : Error::host("there is no memory in the core dump of the domain");
}

}  // namespace

Result<std::unique_ptr<RamMapping>> RamMapping::map(UniqueFd fd, std::uint64_t bytes) {
  void* begin = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (begin == MAP_FAILED) return Error::from_errno("cannot map the guest's memory");
  const std::span<std::byte> mapped(static_cast<std::byte*>(begin), bytes);
  return std::unique_ptr<RamMapping>(new RamMapping(std::move(fd), mapped));
}

RamMapping::~RamMapping() {
  ::munmap(bytes_.data(), bytes_.size());
}

Result<std::unique_ptr<RamMapping>> map_ram_of_thread(pid_t thread, const std::string& domain,
                                                      std::uint64_t bytes) {
  const auto line = read_file(fmt::format("/proc/{}/cmdline", thread));
  if (!line || line->find("guest=" + domain) == std::string::npos)
    return Error::host(fmt::format("thread {} is none of the QEMU of {}", thread, domain));
  const fs::path directory = fmt::format("/proc/{}/fd", thread);
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(directory, code)) {
    const fs::path target = fs::read_symlink(entry.path(), code);
    if (!target.native().starts_with("/memfd:memory-backend-memfd")) continue;
    auto fd = open_file(entry.path(), O_RDWR);
    struct stat status {};
    if (!fd || ::fstat(fd->get(), &status) != 0 || static_cast<std::uint64_t>(status.st_size) != bytes)
      continue;
    return RamMapping::map(std::move(*fd), bytes);
  }
  return Error::host(fmt::format("the memory file of QEMU's thread {} is out of reach", thread));
}

Result<std::unique_ptr<RamMapping>> dump_ram(virDomainPtr domain, HostFiles& files, const std::string& name,
                                             const fs::path& scratch, std::uint64_t base,
                                             std::uint64_t bytes) {
  const std::string there = CP_TRY(files.create(name, 0));
  const auto dumped = virDomainCoreDumpWithFormat(domain, there.c_str(), VIR_DOMAIN_CORE_DUMP_FORMAT_RAW,
                                                  VIR_DUMP_MEMORY_ONLY);
  const Result<> fetched =
      dumped == 0 ? files.fetch(name, scratch) : last_error("cannot dump the domain's memory");
  if (!fetched) {
    files.remove(name);
    return fetched.error();
  }
  UniqueFd ram = CP_TRY(empty_ram(bytes));
  const auto read = read_core(scratch, base, bytes, ram.get());
  ::unlink(scratch.c_str());
  if (!read) return read.error();
  return RamMapping::map(std::move(ram), bytes);
}

}  // namespace crashpath::libvirt
