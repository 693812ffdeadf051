#pragma once

// Copies /proc/vmcore, as it is, to a disk.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "harness/base/file.h"
#include "harness/base/result.h"

namespace crashpath {

/// Writes all of `data` at `offset` of a file or disk.
Result<> write_at(int fd, std::uint64_t offset, std::string_view data);

using CopyProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// A disk to write to. Where it can be, without the page cache: a crash kernel has no memory to spare for it,
/// and filling it cost three quarters of a capture's time under TCG.
Result<UniqueFd> open_disk(const std::string& path);

/// Copies the whole file to the beginning of `to` and returns its length in bytes. With `blank` the target is
/// known to read as zeros, and blocks of zeros are not written. The file is mapped, piece by piece, where the
/// kernel can do that: a read(2) of /proc/vmcore maps and unmaps every page in the kernel (100 microseconds
/// each on pseries under TCG). Past a cache the last block is filled up with zeros. `progress` is called
/// after each piece.
Result<std::uint64_t> copy_vmcore(const std::string& from, int to, bool blank, const CopyProgress& progress);

}  // namespace crashpath
