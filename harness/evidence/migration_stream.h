#pragma once

// QEMU's migration stream, which has the state of every device of the machine: what the guest, the firmware
// and QEMU itself wrote into its registers. It is saved with the capability x-ignore-shared, which leaves out
// memory that a file on the host holds anyway; the firmware's flash stays in it.
//
// The last thing in the stream is a text of QEMU's own that describes it: each device with its fields in the
// order in which their bytes lie there (migration/savevm.c qemu_savevm_state_complete_precopy_non_iterable,
// migration/vmstate.c vmstate_save_state_v). So nothing has to be known here of any device.

#include <boost/json.hpp>
#include <string_view>

#include "harness/base/result.h"

namespace crashpath {

/// The devices' state as docs/evidence.md has it for device-state-*.json. A host error, which says where, for
/// a stream that is cut off, has no description, or does not agree with it: nothing is decoded in part.
Result<boost::json::object> decode_migration_stream(std::string_view stream);

}  // namespace crashpath
