#pragma once

// The commands of docs/agent-protocol.md.

#include <sys/types.h>

#include <boost/json.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guestimages/agent/arguments.h"
#include "guestimages/agent/outbox.h"
#include "guestimages/agent/workload.h"
#include "harness/base/result.h"

namespace crashpath {

/// A child whose failure, or whose end, has to be told to the host after its command has been answered.
struct Watched {
  pid_t pid = -1;
  boost::json::value id;                      ///< of the command
  std::string what;                           ///< what it does, for the message
  std::optional<WorkloadTask> workload = {};  ///< when it is one
  bool is_trigger = false;                    ///< the kernel should not have lived to see its end
};

/// What commands work with.
struct Session {
  Outbox& outbox;
  bool second = false;     ///< this is the capture kernel
  int generation = 0;      ///< plain kexecs before this kernel
  bool replaying = false;  ///< commands come from a script
  std::vector<Watched> watched;
};

/// What a command answers.
struct Answer {
  boost::json::object data;
  std::string error = {};  ///< why it did not succeed, when `data` says more than an error alone
  /// Done once the host has the answer: what ends this kernel.
  std::function<Result<>()> afterwards = {};
  std::string_view type = "result";  ///< or "report", whose members stand in the message itself
};

/// Runs one command: `command` as it came, `id` taken out of it for progress messages.
Result<Answer> run_command(Session& session, const boost::json::value& id, boost::json::object command);

// One function per command or family of commands, each in the file of its name.
Result<Answer> report(Session&, const boost::json::value& id, Arguments arguments);
Result<Answer> load_kexec(Session&, const boost::json::value& id, Arguments arguments);
Result<Answer> execute_kexec(Session&, const boost::json::value& id, Arguments arguments);
Result<Answer> trigger(Session&, const boost::json::value& id, Arguments arguments);
Result<Answer> capture(Session&, const boost::json::value& id, Arguments arguments);
Result<Answer> wake(Session&, const boost::json::value& id, Arguments arguments);
Result<Answer> list_cpuhp_states(Session&, const boost::json::value& id, Arguments arguments);
Result<Answer> list_functions(Session&, const boost::json::value& id, Arguments arguments);
Result<Answer> record_functions(Session&, const boost::json::value& id, Arguments arguments);
Result<Answer> start_load(Session&, const boost::json::value& id, Arguments arguments);

}  // namespace crashpath
