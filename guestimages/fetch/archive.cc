#include "guestimages/fetch/archive.h"

#include <fmt/format.h>

#include "guestimages/fetch/deb.h"
#include "guestimages/fetch/scratch_directory.h"

namespace crashpath {

Result<Archive> Archive::open(const Catalog& catalog, const std::string& debian_architecture,
                              const ArchiveOptions& options) {
  return open(catalog,
              AptOptions{.directory = options.cache / "apt" / debian_architecture,
                         .architecture = debian_architecture,
                         .mirror = CP_TRY(find_mirror(catalog, options.mirror)),
                         .keyring = CP_TRY(archive_keyring())},
              options);
}

Result<Archive> Archive::open(const Catalog& catalog, AptOptions apt, const ArchiveOptions& options) {
  CP_TRY(make_directories(options.cache));
  FileLock lock =
      CP_TRY(FileLock::take(options.cache / fmt::format("lock.{}", apt.architecture), options.say));
  return Archive(catalog, CP_TRY(AptRoot::open(std::move(apt))), options, std::move(lock));
}

Result<> Archive::need(const Suite& suite) {
  if (const auto known = needed_.find(suite.name); known != needed_.end()) return known->second;
  // Nor does it answer for the next suite: every attempt takes its time.
  if (apt_.is_unreachable() && apt_.has_lists(suite.name)) return {};
  Result<> updated = apt_.update(suite.name, options_.update);
  if (!updated && apt_.has_lists(suite.name)) {
    options_.say(fmt::format("using older package lists of {}: {}", suite.name, updated.error().message()));
    updated = {};
  }
  return needed_.emplace(suite.name, std::move(updated)).first->second;
}

Result<std::vector<std::filesystem::path>> Archive::files(const std::vector<Package>& packages) {
  const std::filesystem::path directory = options_.cache / "packages";
  std::vector<std::filesystem::path> files;
  for (const auto& package : packages) {
    files.push_back(directory / package.file_name());
    std::error_code code;
    if (std::filesystem::file_size(files.back(), code) == package.size && !code) continue;
    options_.say(fmt::format("fetching {} {} ({:.1f} MB)", package.name, package.version,
                             static_cast<double>(package.size) / 1e6));
    const ScratchDirectory scratch = CP_TRY(ScratchDirectory::make(directory));
    CP_TRY(apt_.download(package, scratch.path()));
    std::filesystem::rename(scratch.path() / package.file_name(), files.back(), code);
    if (code) return Error::host(fmt::format("cannot write {}: {}", files.back().native(), code.message()));
  }
  return files;
}

Result<std::filesystem::path> Archive::unpacked(
    const std::vector<Package>& packages,
    const std::function<Result<>(const std::filesystem::path&)>& finish) {
  const std::filesystem::path parent = options_.cache / "unpacked";
  const std::filesystem::path target =
      parent / std::filesystem::path(packages.front().file_name()).replace_extension();
  std::error_code code;
  if (std::filesystem::is_directory(target, code)) return target;
  const auto debs = CP_TRY(files(packages));
  options_.say(fmt::format("unpacking {}", packages.front().name));
  ScratchDirectory scratch = CP_TRY(ScratchDirectory::make(parent));
  for (const auto& deb : debs) CP_TRY(unpack_deb(deb, scratch.path()));
  if (finish) CP_TRY(finish(scratch.path()));
  CP_TRY(scratch.rename_to(target));
  return target;
}

}  // namespace crashpath
