#include "guestimages/initramfs/shared_libraries.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gelf.h>

#include <deque>
#include <memory>
#include <set>

#include "harness/base/file.h"

namespace crashpath {
namespace {

struct EndElf {
  void operator()(Elf* elf) const { elf_end(elf); }
};

/// Adds the DT_NEEDED entries of a dynamic section.
void read_dynamic(Elf* elf, Elf_Scn* section, const GElf_Shdr& header, DynamicNeeds& needs) {
  Elf_Data* data = elf_getdata(section, nullptr);
  const size_t count = data != nullptr && header.sh_entsize != 0 ? header.sh_size / header.sh_entsize : 0;
  for (size_t i = 0; i < count; ++i) {
    GElf_Dyn entry;
    if (gelf_getdyn(data, static_cast<int>(i), &entry) == nullptr || entry.d_tag != DT_NEEDED) continue;
    const char* name = elf_strptr(elf, header.sh_link, entry.d_un.d_val);
    if (name != nullptr) needs.libraries.emplace_back(name);
  }
}

std::string read_interpreter(Elf* elf) {
  size_t count = 0;
  elf_getphdrnum(elf, &count);
  for (size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr || header.p_type != PT_INTERP) continue;
    const Elf_Data* data =
        elf_getdata_rawchunk(elf, static_cast<int64_t>(header.p_offset), header.p_filesz, ELF_T_BYTE);
    if (data != nullptr && data->d_size > 1) return {static_cast<const char*>(data->d_buf), data->d_size - 1};
  }
  return {};
}

/// A file named `name` in a directory of libraries below `root`, or empty.
std::filesystem::path find_library(const std::string& name, const std::filesystem::path& root,
                                   std::string_view triplet) {
  for (const std::string& directory :
       {fmt::format("lib/{}", triplet), fmt::format("usr/lib/{}", triplet), std::string("lib"),
        std::string("usr/lib"), std::string("lib64"), std::string("usr/lib64")}) {
    // An absolute link leads out of `root`; what it is meant to lead to is found in another directory.
    const auto path = root / directory / name;
    std::error_code code;
    if (std::filesystem::is_regular_file(path, code) &&
        !std::filesystem::read_symlink(path, code).is_absolute())
      return path;
  }
  return {};
}

}  // namespace

Result<DynamicNeeds> dynamic_needs(const std::filesystem::path& file) {
  elf_version(EV_CURRENT);
  const UniqueFd fd = CP_TRY(open_file(file, O_RDONLY));
  const std::unique_ptr<Elf, EndElf> elf(elf_begin(fd.get(), ELF_C_READ, nullptr));
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF)
    return Error::host(fmt::format("{} is no ELF file", file.native()));
  DynamicNeeds needs;
  needs.interpreter = read_interpreter(elf.get());
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(elf.get(), section)) != nullptr) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) != nullptr && header.sh_type == SHT_DYNAMIC)
      read_dynamic(elf.get(), section, header, needs);
  }
  return needs;
}

Result<std::map<std::string, std::filesystem::path>> find_shared_libraries(
    const std::vector<std::filesystem::path>& programs, const std::filesystem::path& root,
    std::string_view triplet) {
  std::map<std::string, std::filesystem::path> found;
  std::set<std::string> seen;  // names
  const auto take = [&](const std::string& name, const std::string& target,
                        const std::filesystem::path& who) -> Result<std::filesystem::path> {
    auto file = find_library(name, root, triplet);
    if (file.empty())
      return Error::host(
          fmt::format("{} needs {}, which is in none of the unpacked packages", who.native(), name));
    found.emplace(target, file);
    return file;
  };
  std::deque<std::filesystem::path> to_do(programs.begin(), programs.end());
  for (; !to_do.empty(); to_do.pop_front()) {
    const auto& file = to_do.front();
    const DynamicNeeds needs = CP_TRY(dynamic_needs(file));
    // The loader first: libc lists it among its libraries too, and it must not come twice.
    if (const std::filesystem::path loader = needs.interpreter;
        !loader.empty() && seen.insert(loader.filename()).second)
      CP_TRY(take(loader.filename(), loader.relative_path(), file));
    for (const auto& name : needs.libraries)
      if (seen.insert(name).second) to_do.push_back(CP_TRY(take(name, "lib/" + name, file)));
  }
  return found;
}

}  // namespace crashpath
