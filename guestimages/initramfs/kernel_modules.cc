#include "guestimages/initramfs/kernel_modules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/algorithm/string.hpp>
#include <map>
#include <set>

#include "guestimages/archive_handle.h"
#include "harness/process/command.h"

namespace crashpath {
namespace {

/// "virtio_rng" of "kernel/drivers/char/hw_random/virtio-rng.ko.xz".
std::string module_name(std::string_view path) {
  const std::string file(path.substr(path.rfind('/') + 1));
  return boost::replace_all_copy(file.substr(0, file.rfind(".ko")), "-", "_");
}

std::string uncompressed_path(std::string_view file) {
  return std::string(file.substr(0, file.rfind(".ko") + 3));
}

/// modules.dep by file name: "FILE: NEEDED NEEDED ...".
std::map<std::string, std::vector<std::string>> parse_modules_dep(std::string_view text) {
  std::map<std::string, std::vector<std::string>> needs;
  std::vector<std::string> lines;
  boost::split(lines, text, [](char c) { return c == '\n'; });
  for (const auto& line : lines) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    auto& files = needs[line.substr(0, colon)];
    boost::split(files, line.substr(colon + 1), [](char c) { return c == ' '; });
    std::erase(files, "");
  }
  return needs;
}

}  // namespace

std::vector<KernelModule> select_modules(std::string_view modules_dep,
                                         const std::vector<std::string>& names) {
  const auto needs = parse_modules_dep(modules_dep);
  std::map<std::string, std::string> file_of;
  for (const auto& [file, needed] : needs) file_of.emplace(module_name(file), file);
  std::vector<KernelModule> selected;
  std::set<std::string> seen;
  const auto select = [&](const std::string& file) {
    if (!seen.insert(file).second) return;
    KernelModule module{module_name(file), uncompressed_path(file), file, {}};
    if (const auto found = needs.find(file); found != needs.end())
      for (const auto& needed : found->second) module.depends.push_back(uncompressed_path(needed));
    selected.push_back(std::move(module));
  };
  for (const auto& name : names) {
    const auto found = file_of.find(name);
    if (found == file_of.end()) continue;
    // depmod lists all of them, indirect ones too, in the reverse of the order in which they are to be
    // loaded.
    const auto& needed = needs.at(found->second);
    std::for_each(needed.rbegin(), needed.rend(), select);
    select(found->second);
  }
  return selected;
}

std::string to_modules_dep(const std::vector<KernelModule>& modules) {
  std::string text;
  for (const auto& module : modules)
    text += fmt::format("{}:{}{}\n", module.path, module.depends.empty() ? "" : " ",
                        fmt::join(module.depends, " "));
  return text;
}

Result<std::string> read_decompressed(const std::filesystem::path& file) {
  const ArchiveHandle reader(archive_read_new());
  archive_read_support_filter_all(reader.get());
  archive_read_support_format_raw(reader.get());
  archive_entry* entry = nullptr;
  const auto failed = [&] {
    return Error::host(fmt::format("cannot read {}: {}", file.native(), archive_error_string(reader.get())));
  };
  if (archive_read_open_filename(reader.get(), file.c_str(), 65536) != ARCHIVE_OK ||
      archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK)
    return failed();
  std::string content;
  char buffer[65536];
  for (;;) {
    const la_ssize_t n = archive_read_data(reader.get(), buffer, sizeof buffer);
    if (n < 0) return failed();
    if (n == 0) return content;
    content.append(buffer, static_cast<size_t>(n));
  }
}

std::filesystem::path modules_directory(const std::filesystem::path& root, const std::string& release) {
  std::error_code code;
  for (const char* parent : {"lib/modules", "usr/lib/modules"})
    if (auto path = root / parent / release; std::filesystem::is_directory(path, code)) return path;
  return {};
}

Result<> run_depmod(const std::filesystem::path& root, const std::string& release) {
  const auto directory = modules_directory(root, release);
  if (directory.empty()) return Error::host(fmt::format("{} has no modules of {}", root.native(), release));
  // depmod looks at BASE/lib/modules/RELEASE.
  const auto base = directory.parent_path().parent_path().parent_path();
  std::filesystem::path program = find_program("depmod");
  if (program.empty()) program = "/usr/sbin/depmod";  // not in the PATH of an ordinary user
  CP_TRY(command_output({.argv = {program.native(), "-b", base.native(), release}}));
  return {};
}

}  // namespace crashpath
