#pragma once

// Programs of the initramfs, run to their end.

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/file.h"
#include "harness/base/result.h"

namespace crashpath {

/// What a program says while it runs. A stream without a function goes where the other one goes; with
/// neither, to /dev/null.
struct ProgramStreams {
  std::function<Result<>(std::string_view)> out;  ///< an error ends the program
  std::function<Result<>(std::string_view)> err;
  std::function<void()> tick;  ///< called at least once a second
};

/// Starts `argv` (looked up in PATH) and goes on. Its standard input is /dev/null; so are its streams.
Result<pid_t> start_program(const std::vector<std::string>& argv);

/// Runs `argv` to its end. Returns its exit status, 128 + signal when killed by one, as shells say it.
Result<int> run_program(const std::vector<std::string>& argv, const ProgramStreams& streams);

/// Both ends of a new pipe.
struct Pipe {
  UniqueFd read_end, write_end;
};
Result<Pipe> make_pipe();

/// Reads the streams of a child until it has closed them, then waits for its end. `err` may be none.
Result<int> follow_child(pid_t pid, UniqueFd out, UniqueFd err, const ProgramStreams& streams);

struct ProgramOutput {
  int exit_code = 0;
  std::string output;  ///< both streams; of a long one the end
};
Result<ProgramOutput> run_program(const std::vector<std::string>& argv, std::size_t max_output);

/// Exit status of a wait status as shells say it.
int exit_code_of(int wait_status);

}  // namespace crashpath
