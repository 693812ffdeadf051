#pragma once

// /crashpath/script.jsonl: the commands of a trial that has no host.

#include <boost/json.hpp>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace crashpath {

/// The commands for one kernel, without their "in". The capture kernel ("second") has the lines that say so.
/// In a chain of plain kexecs kernel number `generation` (from 0) has what stands behind the `generation`th
/// kexec.exec, up to the next one or a trigger: the last of them may be called the second kernel of its
/// trial. Errors name the line.
Result<std::vector<boost::json::object>> script_commands(std::string_view text, std::string_view kernel,
                                                         int generation);

}  // namespace crashpath
