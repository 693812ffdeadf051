#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <pugixml.hpp>

#include "harness/base/file.h"
#include "harness/machine/libvirt/files.h"
#include "harness/machine/libvirt/handles.h"
#include "harness/machine/libvirt/owner.h"

namespace crashpath::libvirt {
namespace {

namespace fs = std::filesystem;

/// Where a host that has no pool of this name gets one. On the disk that it has for images of guests.
constexpr const char* kPool =
    "<pool type='dir'><name>crashpath</name><target><path>{}</path>"
    "<permissions><mode>0711</mode></permissions></target></pool>";

Result<StoragePool> open_pool(virConnectPtr connection) {
  StoragePool pool(virStoragePoolLookupByName(connection, kPoolName));
  if (pool) {
    if (virStoragePoolIsActive(pool.get()) != 1 && virStoragePoolCreate(pool.get(), 0) != 0)
      return last_error("cannot start the storage pool crashpath");
    return pool;
  }
  // A session's libvirt keeps its images in its user's home (docs/machines.md).
  const std::unique_ptr<char, Releaser<::free>> uri(virConnectGetURI(connection));
  const bool session = uri && std::string_view(uri.get()).find("/session") != std::string_view::npos;
  const char* home = std::getenv("HOME");
  const std::string path = session && home != nullptr ? fmt::format("{}/.local/share/libvirt/crashpath", home)
                                                      : "/var/lib/libvirt/crashpath";
  pool.reset(virStoragePoolCreateXML(connection, fmt::format(kPool, path).c_str(),
                                     VIR_STORAGE_POOL_CREATE_WITH_BUILD));
  if (!pool) pool.reset(virStoragePoolLookupByName(connection, kPoolName));  // another process was faster
  if (!pool) return last_error("cannot make the storage pool crashpath");
  return pool;
}

Result<std::string> target_of(virStoragePoolPtr pool) {
  const std::unique_ptr<char, Releaser<::free>> text(virStoragePoolGetXMLDesc(pool, 0));
  pugi::xml_document document;
  if (!text || !document.load_string(text.get())) return last_error("the storage pool crashpath");
  return std::string(document.child("pool").child("target").child("path").text().get());
}

/// Both directions of a stream: the descriptor of the file here.
int read_piece(virStreamPtr, char* data, size_t bytes, void* opaque) {
  return static_cast<int>(::read(*static_cast<int*>(opaque), data, bytes));
}
int write_piece(virStreamPtr, const char* data, size_t bytes, void* opaque) {
  return write_all(*static_cast<int*>(opaque), {data, bytes}, "a file of another host")
             ? static_cast<int>(bytes)
             : -1;
}
int skip_hole(virStreamPtr, long long bytes, void* opaque) {
  const int fd = *static_cast<int*>(opaque);
  const off_t end = ::lseek(fd, bytes, SEEK_CUR);
  return end >= 0 && ::ftruncate(fd, end) == 0 ? 0 : -1;
}

/// Volumes carry the owner in their names, so that a later process knows whose they were.
class PoolFiles final : public HostFiles {
 public:
  PoolFiles(virConnectPtr connection, StoragePool pool, std::string target)
      : connection_(connection), pool_(std::move(pool)), target_(std::move(target)) {}
  ~PoolFiles() override {
    for (const auto& [file, name] : published_) remove(name);
  }

  Result<std::string> publish(const fs::path& file) override {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0)
      return Error::from_errno(fmt::format("cannot read {}", file.native()));
    const std::string key = fmt::format("{}-{}-{}.{}", status.st_dev, status.st_ino, status.st_mtim.tv_sec,
                                        status.st_mtim.tv_nsec);
    const std::scoped_lock lock(mutex_);
    const auto known = published_.find(key);
    if (known != published_.end()) return path_of(known->second);
    const std::string name = fmt::format("read{}", published_.size());
    published_.emplace(key, name);
    const StorageVolume volume = CP_TRY(make(name, static_cast<std::uint64_t>(status.st_size), "0644"));
    CP_TRY(upload(volume.get(), file, static_cast<std::uint64_t>(status.st_size)));
    return path_of(name);
  }

  Result<std::string> create(const std::string& name, std::uint64_t bytes) override {
    CP_TRY(make(name, bytes, "0600"));
    return path_of(name);
  }

  std::string path_of(const std::string& name) override {
    return fmt::format("{}/{}", target_, name_of_ours(name));
  }

  Result<> fetch(const std::string& name, const fs::path& to) override {
    const StorageVolume volume = CP_TRY(find(name));
    UniqueFd fd = CP_TRY(open_file(to, O_RDWR | O_CREAT | O_TRUNC));
    const Stream stream(virStreamNew(connection_, 0));
    int descriptor = fd.get();
    if (!stream ||
        virStorageVolDownload(volume.get(), stream.get(), 0, 0, VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM) !=
            0 ||
        virStreamSparseRecvAll(stream.get(), write_piece, skip_hole, &descriptor) != 0 ||
        virStreamFinish(stream.get()) != 0)
      return last_error(fmt::format("cannot fetch {} from its host", name));
    virStorageVolDelete(volume.get(), 0);
    return {};
  }

  void remove(const std::string& name) override {
    if (const auto volume = find(name)) virStorageVolDelete(volume->get(), 0);
  }

 private:
  Result<StorageVolume> make(const std::string& name, std::uint64_t bytes, std::string_view mode) {
    const std::string text = fmt::format(
        "<volume><name>{}</name><capacity>{}</capacity><allocation>0</allocation><target><format type='raw'/>"
        "<permissions><mode>{}</mode></permissions></target></volume>",
        name_of_ours(name), bytes, mode);
    StorageVolume volume(virStorageVolCreateXML(pool_.get(), text.c_str(), 0));
    if (!volume) return last_error(fmt::format("cannot make the volume {}", name));
    return volume;
  }

  Result<StorageVolume> find(const std::string& name) {
    StorageVolume volume(virStorageVolLookupByName(pool_.get(), name_of_ours(name).c_str()));
    if (!volume) return last_error(fmt::format("there is no volume {}", name));
    return volume;
  }

  Result<> upload(virStorageVolPtr volume, const fs::path& file, std::uint64_t bytes) {
    const UniqueFd fd = CP_TRY(open_file(file, O_RDONLY));
    const Stream stream(virStreamNew(connection_, 0));
    int descriptor = fd.get();
    if (!stream || virStorageVolUpload(volume, stream.get(), 0, bytes, 0) != 0 ||
        virStreamSendAll(stream.get(), read_piece, &descriptor) != 0 || virStreamFinish(stream.get()) != 0)
      return last_error(fmt::format("cannot bring {} to the guest's host", file.native()));
    return {};
  }

  virConnectPtr connection_;
  StoragePool pool_;
  std::string target_;
  std::mutex mutex_;
  std::map<std::string, std::string> published_;  ///< volume by what the file is
};

}  // namespace

Result<std::unique_ptr<HostFiles>> make_pool_files(virConnectPtr connection) {
  StoragePool pool = CP_TRY(open_pool(connection));
  std::string target = CP_TRY(target_of(pool.get()));
  return std::unique_ptr<HostFiles>(
      std::make_unique<PoolFiles>(connection, std::move(pool), std::move(target)));
}

}  // namespace crashpath::libvirt
