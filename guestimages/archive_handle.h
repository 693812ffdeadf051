#pragma once

// libarchive's handles, freed when they go.

#include <archive.h>
#include <archive_entry.h>

#include <memory>

namespace crashpath {

struct FreeArchive {
  /// For handles of any kind: archive_free(3) asks the handle what it is.
  void operator()(archive* handle) const { archive_free(handle); }
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

using ArchiveHandle = std::unique_ptr<archive, FreeArchive>;
using ArchiveEntry = std::unique_ptr<archive_entry, FreeArchive>;

}  // namespace crashpath
