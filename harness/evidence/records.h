#pragma once

// Reads the line formats of a trial's records: consoles and the agent's messages. docs/evidence.md describes
// them.

#include <boost/json.hpp>
#include <string_view>
#include <vector>

#include "harness/evidence/evidence.h"

namespace crashpath {

/// Every line of console-*.log. A line that does not begin with seconds, which only an editor can have
/// brought in, is kept whole and has the seconds of the line before it.
std::vector<RecordedLine> parse_console_record(std::string_view text);

/// The agent's messages in agent.jsonl of one kernel, in order: of the kernel that the host took for the one
/// that spoke, so that what a plain kexec starts can be the second kernel of a trial, although its agent
/// calls it first. What the guest sent that is no message of the protocol is left out.
std::vector<boost::json::object> parse_agent_record(std::string_view text, Kernel kernel);

/// What moments.jsonl says could not be recorded: the file that is not there, and why. Lines that say
/// something else are left out.
struct LackingFile {
  std::string file;
  std::string words;
};
std::vector<LackingFile> parse_lacking_files(std::string_view text);

}  // namespace crashpath
