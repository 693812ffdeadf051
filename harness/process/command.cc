#include "harness/process/command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "harness/base/file.h"
#include "harness/process/child.h"

namespace crashpath {
namespace {

/// Where a command's output goes. A file and no pipe: a command that leaves a process behind which keeps its
/// output open still ends, and nobody has to read while it runs.
Result<UniqueFd> memory_file(const char* name) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC));
  if (!fd) return Error::from_errno(fmt::format("cannot create a memory file for {}", name));
  return fd;
}

Result<std::string> content_of(const UniqueFd& fd) {
  std::string content(static_cast<size_t>(::lseek(fd.get(), 0, SEEK_END)), '\0');
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t n =
        ::pread(fd.get(), content.data() + done, content.size() - done, static_cast<off_t>(done));
    if (n <= 0) return Error::from_errno("cannot read the output of a command");
    done += static_cast<size_t>(n);
  }
  return content;
}

/// The end of what a command said, for an error message.
std::string_view last_lines(std::string_view text, size_t limit = 2000) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (text.size() <= limit) return text;
  text.remove_prefix(text.size() - limit);
  if (const size_t line = text.find('\n'); line != text.npos) text.remove_prefix(line + 1);
  return text;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_@%+=:,./-").find(c) != std::string_view::npos;
}

}  // namespace

std::string Command::to_shell() const {
  std::string line;
  if (!directory.empty()) line = fmt::format("cd {} && ", shell_quote(directory.native()));
  for (const auto& [name, value] : environment) line += fmt::format("{}={} ", name, shell_quote(value));
  std::vector<std::string> words;
  for (const auto& word : argv) words.push_back(shell_quote(word));
  return line + fmt::format("{}", fmt::join(words, " "));
}

Result<CommandOutput> run_command(const Command& command) {
  const UniqueFd in = CP_TRY(memory_file("stdin"));
  CP_TRY(write_all(in.get(), command.input, "the input of a command"));
  ::lseek(in.get(), 0, SEEK_SET);
  const UniqueFd out = CP_TRY(memory_file("stdout"));
  const UniqueFd err = CP_TRY(memory_file("stderr"));
  boost::asio::io_context io;
  boost::asio::steady_timer timer(io, command.timeout);
  Child child = CP_TRY(Child::start(io,
                                    {.argv = command.argv,
                                     .environment = command.environment,
                                     .directory = command.directory,
                                     .in = in.get(),
                                     .out = out.get(),
                                     .err = err.get()},
                                    [&](ChildExit) { timer.cancel(); }));
  bool timed_out = false;
  timer.async_wait([&](const boost::system::error_code& code) {
    if (code) return;
    timed_out = true;
    child.kill();
  });
  io.run();
  if (timed_out) {
    return Error::host(fmt::format("{} did not finish within {} s and was killed\n{}", command.argv.front(),
                                   command.timeout.count(), last_lines(CP_TRY(content_of(err)))))
        .with_hint(fmt::format("run it by hand: {}", command.to_shell()));
  }
  return CommandOutput{child.exit()->status(), CP_TRY(content_of(out)), CP_TRY(content_of(err))};
}

Result<std::string> command_output(const Command& command) {
  CommandOutput output = CP_TRY(run_command(command));
  if (output.exit_code == 0) return std::move(output.out);
  return Error::host(fmt::format("{} failed with exit status {}: {}", command.to_shell(), output.exit_code,
                                 last_lines(output.err)));
}

std::string shell_quote(std::string_view word) {
  if (!word.empty() && std::all_of(word.begin(), word.end(), is_plain)) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) c == '\'' ? quoted += "'\\''" : quoted += c;
  return quoted + "'";
}

std::filesystem::path find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/bin:/bin";
  while (!rest.empty()) {
    const std::filesystem::path candidate = std::filesystem::path(rest.substr(0, rest.find(':'))) / name;
    std::error_code code;
    if (std::filesystem::is_regular_file(candidate, code) && ::access(candidate.c_str(), X_OK) == 0)
      return candidate;
    rest.remove_prefix(std::min(rest.size(), rest.substr(0, rest.find(':')).size() + 1));
  }
  return {};
}

}  // namespace crashpath
