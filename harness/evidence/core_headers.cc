#include "harness/evidence/core_headers.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gelf.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "harness/base/file.h"
#include "harness/evidence/ranges.h"

namespace crashpath {
namespace {

/// More than any memory map has; PT_LOADs beyond it come from a damaged header.
constexpr std::size_t kMaxSegments = 65536;

struct EndElf {
  void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, EndElf>;

Error elf_error(std::string_view what) {
  return Error::guest(fmt::format("{}: {}", what, elf_errmsg(-1)));
}

Result<std::vector<Note>> read_notes(Elf* elf, const GElf_Phdr& header) {
  Elf_Data* data =
      elf_getdata_rawchunk(elf, static_cast<std::int64_t>(header.p_offset), header.p_filesz, ELF_T_BYTE);
  if (data == nullptr) return elf_error("the notes of the core file are cut off");
  return parse_notes({static_cast<const char*>(data->d_buf), data->d_size});
}

Result<CoreHeaders> read_headers(Elf* elf) {
  GElf_Ehdr header;
  if (elf == nullptr || elf_kind(elf) != ELF_K_ELF || gelf_getehdr(elf, &header) == nullptr)
    return Error::guest("not an ELF file");
  if (header.e_type != ET_CORE || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB)
    return Error::guest("not a 64-bit little-endian ELF core file");
  if (header.e_shoff != 0 || header.e_shnum != 0)
    return Error::guest("the core file claims to have sections, which no kernel gives its dump");
  std::size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0) return elf_error("the core file's program headers");
  if (count != header.e_phnum) return Error::guest("the core file's program headers are cut off");
  if (count > kMaxSegments) return Error::guest(fmt::format("{} program headers cannot be", count));

  CoreHeaders core;
  core.machine = header.e_machine;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr segment;
    if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr)
      return elf_error(fmt::format("program header {} of the core file", i));
    if (segment.p_type == PT_NOTE) {
      for (Note& note : CP_TRY(read_notes(elf, segment))) core.notes.push_back(std::move(note));
    } else if (segment.p_type == PT_LOAD) {
      core.segments.push_back({{segment.p_paddr, saturated_sum(segment.p_paddr, segment.p_memsz)},
                               segment.p_memsz,
                               segment.p_vaddr,
                               segment.p_offset,
                               segment.p_filesz});
    }
  }
  return core;
}

/// Takes `size` bytes, padded to four, off the front of `bytes`.
std::optional<std::string_view> take_padded(std::string_view& bytes, std::size_t size) {
  if (bytes.size() < size) return std::nullopt;
  const std::string_view taken = bytes.substr(0, size);
  bytes.remove_prefix(std::min((size + 3) / 4 * 4, bytes.size()));
  return taken;
}

}  // namespace

Result<CoreHeaders> parse_core_headers(std::span<const std::byte> image) {
  elf_version(EV_CURRENT);
  // libelf wants to be able to write, so it gets a copy.
  std::string copy(reinterpret_cast<const char*>(image.data()), image.size());
  const ElfHandle elf(elf_memory(copy.data(), copy.size()));
  return read_headers(elf.get());
}

Result<CoreHeaders> read_core_headers(const std::filesystem::path& file) {
  const UniqueFd fd = CP_TRY(open_file(file, O_RDONLY));
  elf_version(EV_CURRENT);
  const ElfHandle elf(elf_begin(fd.get(), ELF_C_READ, nullptr));
  auto headers = read_headers(elf.get());
  if (!headers) return Error(std::move(headers).error()).within(file.filename().string());
  return headers;
}

// libelf's gelf_getnote needs an ELF file around the notes, which /sys/kernel/notes has not.
Result<std::vector<Note>> parse_notes(std::string_view bytes) {
  std::vector<Note> notes;
  while (!bytes.empty()) {
    Elf64_Nhdr header;
    if (bytes.size() < sizeof header) return Error::guest("an ELF note is cut off");
    std::memcpy(&header, bytes.data(), sizeof header);
    bytes.remove_prefix(sizeof header);
    const auto name = take_padded(bytes, header.n_namesz);
    const auto content = name ? take_padded(bytes, header.n_descsz) : std::nullopt;
    if (!content)
      return Error::guest(
          fmt::format("an ELF note of {} + {} bytes is cut off", header.n_namesz, header.n_descsz));
    if (name->empty()) continue;  // an empty header ends the note of one CPU (kernel/crash_core.c final_note)
    notes.push_back({std::string(name->substr(0, name->find('\0'))), header.n_type, std::string(*content)});
  }
  return notes;
}

std::optional<std::string> build_id(const std::vector<Note>& notes) {
  for (const Note& note : notes) {
    if (note.name != "GNU" || note.type != NT_GNU_BUILD_ID) continue;
    std::string text;
    for (const char byte : note.content) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return text;
  }
  return std::nullopt;
}

Vmcoreinfo find_vmcoreinfo(const std::vector<Note>& notes) {
  for (const Note& note : notes)
    if (note.name == "VMCOREINFO") return Vmcoreinfo(note.content.substr(0, note.content.find('\0')));
  return {};
}

std::size_t count_prstatus(const std::vector<Note>& notes) {
  return static_cast<std::size_t>(std::count_if(notes.begin(), notes.end(), [](const Note& note) {
    return note.name == "CORE" && note.type == NT_PRSTATUS;
  }));
}

}  // namespace crashpath
