#pragma once

// Runs a command to its end and collects what it says. For children that live longer see child.h.

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "harness/base/result.h"

namespace crashpath {

struct Command {
  std::vector<std::string> argv;  ///< argv[0] is looked up in PATH unless it has a slash
  std::map<std::string, std::string> environment = {};  ///< on top of ours
  std::filesystem::path directory = {};                 ///< empty: ours
  std::chrono::seconds timeout{600};                    ///< then it is killed, and that is an error
  std::string input = {};                               ///< its standard input
  /// The command as a line that can be pasted into a shell.
  std::string to_shell() const;
};

struct CommandOutput {
  int exit_code = 0;  ///< 128 + signal when killed by one, as shells say it
  std::string out;    ///< standard output
  std::string err;    ///< standard error
};

/// An error only when the command could not be run or timed out; its exit status is the caller's to judge.
Result<CommandOutput> run_command(const Command& command);

/// Standard output of a command that must exit with 0; else a host error with the end of its standard error.
Result<std::string> command_output(const Command& command);

/// A word as a POSIX shell needs it: in single quotes unless it is plain.
std::string shell_quote(std::string_view word);

/// Full path of a program in PATH, or an empty path.
std::filesystem::path find_program(std::string_view name);

}  // namespace crashpath
