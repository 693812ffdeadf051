#include "guestimages/fetch/archive.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xxhash.h>

#include "guestimages/fetch/deb.h"
#include "harness/base/scratch_directory.h"

namespace crashpath {

Result<Archive> Archive::open(const Catalog& catalog, const std::string& debian_architecture,
                              const ArchiveOptions& options) {
  CP_TRY(make_directories(options.cache));
  FileLock lock = CP_TRY(FileLock::take(options.cache / ("lock." + debian_architecture), options.say));
  AptRoot apt =
      CP_TRY(AptRoot::open({.directory = options.cache / "apt" / debian_architecture,
                            .architecture = debian_architecture,
                            .mirror = CP_TRY(find_mirror(catalog, options.mirror)),
                            .keyring = options.keyring.empty() ? CP_TRY(archive_keyring()) : options.keyring,
                            .timeout = options.patience}));
  return Archive(catalog, std::move(apt), options, std::move(lock));
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

Result<bool> Archive::can_read(const Suite& suite) {
  const auto ready = need(suite);
  if (ready) return true;
  if (apt_.is_unreachable()) return ready.error();
  const std::string message = ready.error().message();  // what apt said is on the lines after the first
  options_.say(fmt::format("leaving out {}: {}", suite.name, message.substr(0, message.find('\n'))));
  return false;
}

Result<std::vector<std::filesystem::path>> Archive::files(const std::vector<Package>& packages) {
  const std::filesystem::path directory = options_.cache / "packages";
  std::vector<std::filesystem::path> files;
  std::vector<Package> missing;
  std::error_code code;
  for (const auto& package : packages) {
    files.push_back(directory / package.file_name());
    if (std::filesystem::file_size(files.back(), code) == package.size && !code) continue;
    missing.push_back(package);
  }
  if (missing.empty()) return files;
  std::vector<std::string> names;
  std::uint64_t size = 0;
  for (const auto& package : missing) {
    names.push_back(package.name);
    size += package.size;
  }
  options_.say(
      fmt::format("fetching {} ({:.1f} MB)", fmt::join(names, ", "), static_cast<double>(size) / 1e6));
  const ScratchDirectory scratch = CP_TRY(ScratchDirectory::make(directory));
  CP_TRY(apt_.download(missing, scratch.path()));
  for (const auto& package : missing) {
    const auto file = directory / package.file_name();
    std::filesystem::rename(scratch.path() / package.file_name(), file, code);
    if (code) return Error::host(fmt::format("cannot write {}: {}", file.native(), code.message()));
  }
  return files;
}

Result<std::filesystem::path> Archive::unpacked(
    const std::vector<Package>& packages,
    const std::function<Result<>(const std::filesystem::path&)>& finish) {
  const std::filesystem::path target = unpacked_directory(options_.cache, packages);
  std::error_code code;
  if (std::filesystem::is_directory(target, code)) return target;
  const auto debs = CP_TRY(files(packages));
  ScratchDirectory scratch = CP_TRY(ScratchDirectory::make(target.parent_path()));
  for (const auto& deb : debs) CP_TRY(unpack_deb(deb, scratch.path()));
  CP_TRY(finish(scratch.path()));
  CP_TRY(scratch.rename_to(target));
  return target;
}

std::filesystem::path unpacked_directory(const std::filesystem::path& cache,
                                         const std::vector<Package>& packages) {
  std::string sums;
  for (const auto& package : packages) sums += package.sha256;
  const auto name = std::filesystem::path(packages.front().file_name()).replace_extension();
  return cache / "unpacked" /
         fmt::format("{}-{:08x}", name.native(), XXH3_64bits(sums.data(), sums.size()) & 0xffffffff);
}

}  // namespace crashpath
