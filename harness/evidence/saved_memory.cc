#include "harness/evidence/saved_memory.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "harness/evidence/page_hashes.h"
#include "harness/evidence/ranges.h"

namespace crashpath {
namespace {

/// By the names that kernel_to_physical() has for them.
constexpr std::array<std::pair<std::uint16_t, std::string_view>, 2> kMachines = {
    {{EM_AARCH64, "aarch64"}, {EM_PPC64, "ppc64"}}};
constexpr std::string_view kNoteName = "VMCOREINFO";
// So every page can be a segment of its own.
static_assert(kMaxSavedMemory / kHashedPageSize < PN_XNUM - 1);

template <class Structure>
void append_structure(std::string& bytes, const Structure& structure) {
  bytes.append(reinterpret_cast<const char*>(&structure), sizeof structure);
}

void pad(std::string& bytes, std::size_t alignment) {
  bytes.resize((bytes.size() + alignment - 1) / alignment * alignment);
}

std::string make_note(const Vmcoreinfo& vmcoreinfo) {
  std::string bytes;
  if (vmcoreinfo.empty()) return bytes;
  append_structure(bytes, Elf64_Nhdr{.n_namesz = kNoteName.size() + 1,
                                     .n_descsz = static_cast<Elf64_Word>(vmcoreinfo.text().size()),
                                     .n_type = 0});
  bytes += kNoteName;
  bytes += '\0';
  pad(bytes, 4);
  bytes += vmcoreinfo.text();
  pad(bytes, 4);
  return bytes;
}

Elf64_Ehdr make_header(std::uint16_t machine, std::size_t program_headers) {
  Elf64_Ehdr header{};
  header.e_ident[EI_MAG0] = ELFMAG0;
  header.e_ident[EI_MAG1] = ELFMAG1;
  header.e_ident[EI_MAG2] = ELFMAG2;
  header.e_ident[EI_MAG3] = ELFMAG3;
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_CORE;
  header.e_machine = machine;
  header.e_version = EV_CURRENT;
  header.e_phoff = sizeof(Elf64_Ehdr);
  header.e_ehsize = sizeof(Elf64_Ehdr);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = static_cast<Elf64_Half>(program_headers);
  return header;
}

/// Headers and notes, padded to where the memory begins. Virtual addresses are the physical ones, as in the
/// dumps that QEMU makes: it does not know the guest's either.
std::string make_headers(std::uint16_t machine, const std::vector<Range>& ranges, const std::string& note) {
  const std::size_t count = ranges.size() + 1;
  const std::size_t note_at = sizeof(Elf64_Ehdr) + count * sizeof(Elf64_Phdr);
  std::uint64_t at = (note_at + note.size() + kHashedPageSize - 1) / kHashedPageSize * kHashedPageSize;
  std::string bytes;
  append_structure(bytes, make_header(machine, count));
  Elf64_Phdr header{};
  header.p_type = PT_NOTE;
  header.p_offset = note_at;
  header.p_filesz = note.size();
  append_structure(bytes, header);
  for (const Range& range : ranges) {
    header = {};
    header.p_type = PT_LOAD;
    header.p_flags = PF_R | PF_W;
    header.p_offset = at;
    header.p_vaddr = header.p_paddr = range.begin;
    header.p_filesz = header.p_memsz = range.end - range.begin;
    append_structure(bytes, header);
    at += header.p_filesz;
  }
  bytes += note;
  pad(bytes, kHashedPageSize);
  return bytes;
}

}  // namespace

Result<SavedMemory> SavedMemory::open(const std::filesystem::path& file) {
  UniqueFd fd = CP_TRY(open_file(file, O_RDONLY));
  CoreHeaders headers = CP_TRY(read_core_headers(file));
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(file, error);
  if (error) return Error::host(fmt::format("{}: {}", file.native(), error.message()));
  for (const LoadSegment& segment : headers.segments)
    if (segment.file_size != segment.memory_size ||
        saturated_sum(segment.file_offset, segment.file_size) > size)
      return Error::guest(fmt::format("{} is truncated or damaged", file.filename().string()));
  return SavedMemory(std::move(fd), std::move(headers), file.filename().string());
}

Result<> SavedMemory::read(std::uint64_t address, std::span<std::byte> into) const {
  const Range wanted{address, saturated_sum(address, into.size())};
  for (const LoadSegment& segment : headers_.segments) {
    if (!segment.physical.contains(wanted)) continue;
    std::uint64_t at = segment.file_offset + (address - segment.physical.begin);
    while (!into.empty()) {
      const ssize_t count = pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(at));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return Error::host(fmt::format("{} cannot be read", name_));
      into = into.subspan(static_cast<std::size_t>(count));
      at += static_cast<std::uint64_t>(count);
    }
    return {};
  }
  return Error(Fault::lacks,
               fmt::format("{} does not have all of {}: nobody asked for it when it was written", name_,
                           to_string(wanted)));
}

std::string SavedMemory::architecture() const {
  for (const auto& [machine, name] : kMachines)
    if (machine == headers_.machine) return std::string(name);
  return "";
}

Vmcoreinfo SavedMemory::vmcoreinfo() const {
  return find_vmcoreinfo(headers_.notes);
}

std::vector<Range> SavedMemory::ranges() const {
  std::vector<Range> ranges;
  for (const LoadSegment& segment : headers_.segments) ranges.push_back(segment.physical);
  return ranges;
}

Result<> save_memory(const std::filesystem::path& file, const PhysicalMemory& memory,
                     const std::vector<Range>& wanted, std::string_view architecture,
                     const Vmcoreinfo& vmcoreinfo) {
  std::uint16_t machine = EM_NONE;
  for (const auto& [number, name] : kMachines)
    if (name == architecture) machine = number;
  const std::vector<Range> ranges = whole_pages(wanted, kHashedPageSize);
  if (total_size(ranges) > kMaxSavedMemory)
    return Error::guest(fmt::format("{} bytes are more than the {} that are saved of one moment",
                                    total_size(ranges), kMaxSavedMemory));
  std::string bytes = make_headers(machine, ranges, make_note(vmcoreinfo));
  for (const Range& range : ranges) {
    const std::size_t at = bytes.size();
    bytes.resize(at + (range.end - range.begin));
    CP_TRY(memory.read(range.begin, std::as_writable_bytes(std::span(bytes).subspan(at))));
  }
  return write_file(file, bytes);
}

}  // namespace crashpath
