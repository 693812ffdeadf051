#include "guestimages/fetch/deb.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "guestimages/archive_handle.h"

namespace crashpath {
namespace {

Error broken(const std::filesystem::path& deb, archive* culprit,
             boost::source_location where = BOOST_CURRENT_LOCATION) {
  const char* why = archive_error_string(culprit);
  return Error(Fault::host,
               fmt::format("cannot unpack {}: {}", deb.native(), why != nullptr ? why : "unreadable"), where);
}

/// Hands the current member of one archive to a reader of another as its input.
struct Member {
  archive* outer;
  char buffer[65536];

  static la_ssize_t read(archive*, void* self, const void** data) {
    auto* member = static_cast<Member*>(self);
    *data = member->buffer;
    return archive_read_data(member->outer, member->buffer, sizeof member->buffer);
  }
};

/// A path of the package below `directory`, or an error when it leads out of it. libarchive checks once more
/// and looks at symbolic links, but drops a leading slash silently.
Result<std::filesystem::path> inside(const std::filesystem::path& directory, const char* name,
                                     const std::filesystem::path& deb) {
  const std::filesystem::path path = name != nullptr ? name : "";
  const bool has_parent = std::find(path.begin(), path.end(), "..") != path.end();
  if (path.empty() || path.is_absolute() || has_parent)
    return Error::host(
        fmt::format("{} is not a sane package: it has a file named \"{}\"", deb.native(), path.native()));
  return (directory / path).lexically_normal();
}

Result<> unpack_data(archive* data, const std::filesystem::path& deb,
                     const std::filesystem::path& directory) {
  // Files are named from the root, so libarchive's own refusal of absolute paths has to be off; inside() did
  // that.
  const ArchiveHandle disk(archive_write_disk_new());
  archive_write_disk_set_options(disk.get(), ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
                                                 ARCHIVE_EXTRACT_SECURE_SYMLINKS |
                                                 ARCHIVE_EXTRACT_SECURE_NODOTDOT);
  for (;;) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(data, &entry);
    if (status == ARCHIVE_EOF) return {};
    if (status != ARCHIVE_OK) return broken(deb, data);
    const auto type = archive_entry_filetype(entry);
    if (type == AE_IFCHR || type == AE_IFBLK || type == AE_IFIFO) continue;
    archive_entry_set_pathname(entry, CP_TRY(inside(directory, archive_entry_pathname(entry), deb)).c_str());
    if (const char* target = archive_entry_hardlink(entry))
      archive_entry_set_hardlink(entry, CP_TRY(inside(directory, target, deb)).c_str());
    if (archive_read_extract2(data, entry, disk.get()) != ARCHIVE_OK) {
      return broken(deb, archive_errno(disk.get()) != 0 ? disk.get() : data);
    }
  }
}

}  // namespace

Result<> unpack_deb(const std::filesystem::path& deb, const std::filesystem::path& directory) {
  const ArchiveHandle outer(archive_read_new());
  archive_read_support_format_ar(outer.get());
  if (archive_read_open_filename(outer.get(), deb.c_str(), 65536) != ARCHIVE_OK)
    return broken(deb, outer.get());
  for (;;) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(outer.get(), &entry);
    if (status == ARCHIVE_EOF) return Error::host(fmt::format("{} has no data.tar", deb.native()));
    if (status != ARCHIVE_OK) return broken(deb, outer.get());
    if (std::string_view(archive_entry_pathname(entry)).starts_with("data.tar")) break;
  }
  const ArchiveHandle inner(archive_read_new());
  archive_read_support_format_tar(inner.get());
  archive_read_support_filter_all(inner.get());
  Member member{.outer = outer.get(), .buffer = {}};
  if (archive_read_open(inner.get(), &member, nullptr, &Member::read, nullptr) != ARCHIVE_OK)
    return broken(deb, inner.get());
  // Without symbolic links in it: those of the way to the cache are the user's, those below come from
  // packages.
  std::error_code code;
  const auto real_directory = std::filesystem::canonical(directory, code);
  if (code) return Error::host(fmt::format("cannot unpack into {}: {}", directory.native(), code.message()));
  return unpack_data(inner.get(), deb, real_directory);
}

}  // namespace crashpath
