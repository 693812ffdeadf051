#include "guestimages/agent/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "guestimages/agent/text.h"

namespace crashpath {
namespace {

/// The child gets an empty signal mask (ours blocks SIGCHLD) and the two descriptors as its output.
Result<pid_t> spawn(const std::vector<std::string>& argv, int out, int err) {
  if (argv.empty()) return Error::guest("no program was named");
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, err, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);

  pid_t pid = -1;
  const int failure = ::posix_spawnp(&pid, words[0], &actions, &attributes, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failure != 0) return Error::guest(fmt::format("cannot run {}: {}", argv[0], std::strerror(failure)));
  return pid;
}

using Reader = std::function<Result<>(std::string_view)>;

/// Hands on one read of `fd`; closes it at its end.
Result<> read_some(UniqueFd& fd, const Reader& reader) {
  char buffer[65536];
  const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
  if (n > 0) return reader(std::string_view(buffer, static_cast<std::size_t>(n)));
  if (n == 0 || errno != EINTR) fd.reset();
  return {};
}

Result<> read_streams(UniqueFd out, UniqueFd err, const ProgramStreams& streams) {
  while (out || err) {
    pollfd fds[] = {{out.get(), POLLIN, 0}, {err.get(), POLLIN, 0}};
    const int ready = ::poll(fds, 2, 500);
    if (ready > 0 && fds[0].revents != 0) CP_TRY(read_some(out, streams.out ? streams.out : streams.err));
    if (ready > 0 && fds[1].revents != 0) CP_TRY(read_some(err, streams.err));
    if (streams.tick) streams.tick();
  }
  return {};
}

}  // namespace

int exit_code_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error::from_errno("cannot make a pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<int> follow_child(pid_t pid, UniqueFd out, UniqueFd err, const ProgramStreams& streams) {
  const auto read = read_streams(std::move(out), std::move(err), streams);
  if (!read) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return Error::from_errno(fmt::format("cannot wait for process {}", pid));
  if (!read) return read.error();
  return exit_code_of(status);
}

Result<pid_t> start_program(const std::vector<std::string>& argv) {
  const UniqueFd null = CP_TRY(open_file("/dev/null", O_RDWR));
  return spawn(argv, null.get(), null.get());
}

Result<int> run_program(const std::vector<std::string>& argv, const ProgramStreams& streams) {
  Pipe out = CP_TRY(make_pipe());
  Pipe err;
  if (streams.out && streams.err) err = CP_TRY(make_pipe());
  const pid_t pid = CP_TRY(spawn(argv, out.write_end.get(), (err.write_end ? err : out).write_end.get()));
  out.write_end.reset();
  err.write_end.reset();
  return follow_child(pid, std::move(out.read_end), std::move(err.read_end), streams);
}

Result<ProgramOutput> run_program(const std::vector<std::string>& argv, std::size_t max_output) {
  Tail tail(max_output);
  ProgramStreams streams;
  streams.out = [&tail](std::string_view text) -> Result<> {
    tail.append(text);
    return {};
  };
  const int exit_code = CP_TRY(run_program(argv, streams));
  return ProgramOutput{exit_code, to_utf8(tail.text())};
}

}  // namespace crashpath
