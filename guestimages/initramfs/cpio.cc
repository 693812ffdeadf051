#include "guestimages/initramfs/cpio.h"

#include <fmt/format.h>

#include "guestimages/archive_handle.h"

namespace crashpath {
namespace {

la_ssize_t append(archive*, void* bytes, const void* data, size_t size) {
  static_cast<std::string*>(bytes)->append(static_cast<const char*>(data), size);
  return static_cast<la_ssize_t>(size);
}

Error failed(archive* writer, boost::source_location where = BOOST_CURRENT_LOCATION) {
  return Error(Fault::host, fmt::format("cannot make a cpio archive: {}", archive_error_string(writer)),
               where);
}

}  // namespace

void CpioTree::add(const std::string& path, Member member) {
  if (const size_t slash = path.rfind('/'); slash != std::string::npos) add_directory(path.substr(0, slash));
  members_.insert_or_assign(path, std::move(member));
}

void CpioTree::add_file(const std::string& path, std::string content, unsigned mode) {
  add(path, {AE_IFREG | mode, std::move(content)});
}

void CpioTree::add_link(const std::string& path, std::string target) {
  add(path, {AE_IFLNK | 0777, std::move(target)});
}

void CpioTree::add_directory(const std::string& path) {
  if (!contains(path)) add(path, {AE_IFDIR | 0755, ""});
}

Result<std::string> CpioTree::to_bytes() const {
  std::string bytes;
  const ArchiveHandle writer(archive_write_new());
  archive_write_set_format_cpio_newc(writer.get());
  archive_write_add_filter_none(writer.get());
  archive_write_set_bytes_per_block(writer.get(), 512);
  archive_write_set_bytes_in_last_block(writer.get(), 512);
  if (archive_write_open(writer.get(), &bytes, nullptr, append, nullptr) != ARCHIVE_OK)
    return failed(writer.get());
  const ArchiveEntry entry(archive_entry_new());
  la_int64_t number = 0;
  for (const auto& [path, member] : members_) {
    archive_entry_clear(entry.get());
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_mode(entry.get(), member.mode);
    archive_entry_set_ino64(entry.get(), ++number);
    archive_entry_set_nlink(entry.get(), 1);
    archive_entry_set_mtime(entry.get(), 0, 0);
    const bool is_link = (member.mode & AE_IFMT) == AE_IFLNK;
    if (is_link) archive_entry_set_symlink(entry.get(), member.content.c_str());
    const std::string& content = is_link ? "" : member.content;
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
    if (archive_write_header(writer.get(), entry.get()) != ARCHIVE_OK) return failed(writer.get());
    if (archive_write_data(writer.get(), content.data(), content.size()) < 0) return failed(writer.get());
  }
  if (archive_write_close(writer.get()) != ARCHIVE_OK) return failed(writer.get());
  return bytes;
}

}  // namespace crashpath
