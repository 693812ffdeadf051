#pragma once

// From a line of the host to its answer.

#include <functional>

#include "guestimages/agent/commands.h"
#include "guestimages/agent/line_buffer.h"

namespace crashpath {

/// Runs the command in `line` and answers it. `flush` returns once the host has every answer; it is called
/// before what ends this kernel. False when the command failed, before or after its answer.
bool handle_line(Session& session, const LineBuffer::Line& line, const std::function<Result<>()>& flush);

/// The same for a command that is an object already.
bool handle_command(Session& session, boost::json::object command, const std::function<Result<>()>& flush);

/// Collects children that have ended, and sends `failed` for watched ones that ended badly, `survived` for a
/// trigger's workload. False when it sent one.
bool reap_children(Session& session);

}  // namespace crashpath
