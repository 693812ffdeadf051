#pragma once

#include "harness/evidence/page_hashes.h"
#include "harness/machine/machine.h"

namespace crashpath {

/// The hash of each page of a guest's RAM. A fork's pages that it has not written to have the hashes of its
/// template, `unchanged`; without it all pages are hashed.
PageHashes hash_guest_memory(const GuestMemory& memory, const PageHashes* unchanged);

}  // namespace crashpath
