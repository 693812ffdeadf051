#pragma once

// The RAM of a domain, as far as its host lets us see it.

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <span>

#include "harness/base/file.h"
#include "harness/machine/libvirt/files.h"
#include "harness/machine/machine.h"

namespace crashpath::libvirt {

/// A mapping of a file that is a guest's RAM, from its first byte on.
class RamMapping {
 public:
  static Result<std::unique_ptr<RamMapping>> map(UniqueFd fd, std::uint64_t bytes);
  ~RamMapping();
  RamMapping(const RamMapping&) = delete;
  RamMapping& operator=(const RamMapping&) = delete;

  std::span<std::byte> bytes() const { return bytes_; }
  Result<std::vector<Extent>> data() const { return data_extents(fd_.get(), bytes_.size()); }

 private:
  RamMapping(UniqueFd fd, std::span<std::byte> bytes) : fd_(std::move(fd)), bytes_(bytes) {}
  UniqueFd fd_;
  std::span<std::byte> bytes_;
};

/// The memory file of the QEMU that runs this domain (memory-backend-memfd), of which QEMU says that this is
/// one of its threads. A host error when that is no such thread here (in a container QEMU counts otherwise),
/// or it is not ours to look at.
Result<std::unique_ptr<RamMapping>> map_ram_of_thread(pid_t thread, const std::string& domain,
                                                      std::uint64_t bytes);

/// The RAM out of a core dump of the whole domain (virDomainCoreDumpWithFormat, an ELF file): a copy of the
/// moment. `scratch`: a name for a file here while it is read.
Result<std::unique_ptr<RamMapping>> dump_ram(virDomainPtr domain, HostFiles& files, const std::string& name,
                                             const std::filesystem::path& scratch, std::uint64_t base,
                                             std::uint64_t bytes);

}  // namespace crashpath::libvirt
