// The command `capture`: writes the dump to a disk.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "guestimages/agent/commands.h"
#include "guestimages/agent/copy.h"
#include "guestimages/agent/gather.h"
#include "guestimages/agent/line_buffer.h"
#include "guestimages/agent/makedumpfile.h"
#include "guestimages/agent/program.h"
#include "guestimages/agent/task.h"
#include "guestimages/agent/text.h"
#include "guestimages/agent/uevents.h"
#include "harness/agent/protocol.h"
#include "harness/base/file.h"

namespace crashpath {
namespace {

constexpr const char* vmcore = "/proc/vmcore";

struct Request {
  std::string format;
  std::int64_t level = 31;
  std::string device;
  std::vector<std::string> args;
  bool or_elf = false;
  bool blank = false;
};

/// Sends `progress`, but not more often than twice a second.
class Progress {
 public:
  Progress(Session& session, const boost::json::value& id) : session_(session), id_(id) {}
  void operator()(std::string_view what, std::uint64_t done, std::uint64_t total) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::milliseconds(500);
    session_.outbox.send("progress", {{"id", id_}, {"what", what}, {"done", done}, {"total", total}});
  }

 private:
  Session& session_;
  const boost::json::value& id_;
  std::chrono::steady_clock::time_point next_{};
};

Result<> flush_disk(const UniqueFd& disk) {
  if (::fsync(disk.get()) != 0) return Error::from_errno("cannot flush the disk");
  return {};
}

Result<std::uint64_t> copy_to_disk(const Request& request, const CopyProgress& progress) {
  const UniqueFd disk = CP_TRY(open_disk(request.device));
  const std::uint64_t bytes = CP_TRY(copy_vmcore(vmcore, disk.get(), request.blank, progress));
  CP_TRY(flush_disk(disk));
  return bytes;
}

/// The life of the copying task. Tells "DONE TOTAL" in bytes as lines of `out`, or last of all why it failed.
int copy_and_tell(const Request& request, int out) {
  const auto tell = [out](const std::string& line) {
    static_cast<void>(write_all(out, line + "\n", "pipe"));
  };
  const auto copied = copy_to_disk(
      request, [&](std::uint64_t done, std::uint64_t total) { tell(fmt::format("{} {}", done, total)); });
  if (!copied) tell(copied.error().message());
  return copied ? 0 : 1;
}

/// What the copying task has told so far.
struct CopyState {
  unsigned long long done = 0;
  unsigned long long total = 0;
  std::string error;

  void take(const std::string& line) {
    if (std::sscanf(line.c_str(), "%llu %llu", &done, &total) != 2) error = line;
  }
};

/// In a task of its own: reading a vmcore that a bad ELF header describes may make the kernel fault, and a
/// kernel whose init dies panics.
Result<Answer> capture_elf(const Request& request, Progress& progress) {
  Pipe pipe = CP_TRY(make_pipe());
  const int out = pipe.write_end.get();
  const pid_t pid = CP_TRY(start_task("copy-vmcore", out, [&] { return copy_and_tell(request, out); }));
  pipe.write_end.reset();

  CopyState state;
  LineBuffer lines(agent_protocol::max_output);
  ProgramStreams streams;
  streams.out = [&](std::string_view bytes) -> Result<> {
    lines.append(bytes);
    while (const auto line = lines.next()) state.take(line->text);
    return {};
  };
  streams.tick = [&] { progress("copying /proc/vmcore", state.done, state.total); };
  const int exit_code = CP_TRY(follow_child(pid, std::move(pipe.read_end), {}, streams));
  if (exit_code > 128)
    return Error::guest(fmt::format(
        "the task that copies /proc/vmcore was killed by signal {} at {} of {} bytes; the console "
        "may say why",
        exit_code - 128, state.done, state.total));
  if (exit_code != 0) return Error::guest(state.error);
  Answer answer;
  answer.data = {{"format", "elf"}, {"bytes", state.total}, {"tool_refused", false}, {"output", ""}};
  return answer;
}

Result<Answer> capture_kdump(const Request& request, Progress& progress) {
  const UniqueFd disk = CP_TRY(open_file(request.device, O_WRONLY));
  Gather pieces(
      [&](std::uint64_t offset, std::string_view data) { return write_at(disk.get(), offset, data); });
  FlattenedReader dump([&](std::uint64_t offset, std::string_view data) { return pieces.add(offset, data); });
  Tail said(agent_protocol::max_output);
  ProgramStreams streams;
  streams.out = [&](std::string_view bytes) { return dump.append(bytes); };
  streams.err = [&](std::string_view text) -> Result<> {
    said.append(text);
    return {};
  };
  streams.tick = [&] {
    const std::string stage = makedumpfile_progress(said.text());
    progress(stage.empty() ? "makedumpfile" : "makedumpfile: " + stage, dump.written(), 0);
  };
  std::vector<std::string> argv{"/usr/bin/makedumpfile", "-F", "-d", std::to_string(request.level)};
  argv.insert(argv.end(), request.args.begin(), request.args.end());
  argv.emplace_back(vmcore);
  const int exit_code = CP_TRY(run_program(argv, streams));
  CP_TRY(pieces.flush());

  Answer answer;
  const std::string output = to_utf8(said.text());
  const bool failed = exit_code != 0 || !dump.complete();
  answer.data = {{"format", "kdump"},
                 {"bytes", dump.length()},
                 {"tool_refused", failed && refused_by_makedumpfile(output)},
                 {"output", output}};
  if (failed)
    answer.error = fmt::format("makedumpfile exited with {}{}", exit_code,
                               dump.complete() ? "" : " before the dump was complete");
  else
    CP_TRY(flush_disk(disk));
  return answer;
}

Result<Request> read_request(Arguments& arguments) {
  Request request;
  request.format = CP_TRY(arguments.text("format"));
  request.device = CP_TRY(arguments.text_or("device", "/dev/vda"));
  request.blank = CP_TRY(arguments.flag_or("blank", false));
  request.or_elf = CP_TRY(arguments.flag_or("or_elf", false));
  request.args = CP_TRY(arguments.texts("args"));
  if (request.args.empty())
    request.args = {"-l"};  // lzo: the fastest of all, also than none, as there is less to write
  request.level = CP_TRY(arguments.optional_number("level")).value_or(31);
  if (request.format != "kdump" && request.format != "elf")
    return Error::guest(fmt::format("unknown format '{}'; there are kdump and elf", request.format));
  CP_TRY(arguments.nothing_else());
  return request;
}

Result<> wait_for_device(const std::string& device) {
  const auto deadline = device_deadline();
  struct stat status {};
  const auto is_there = [&] { return ::stat(device.c_str(), &status) == 0 && S_ISBLK(status.st_mode); };
  if (Uevents().wait_until(is_there, deadline)) return {};
  return Error::guest(fmt::format("there is no block device {} after {} ms", device, deadline.count()));
}

}  // namespace

Result<Answer> capture(Session& session, const boost::json::value& id, Arguments arguments) {
  const Request request = CP_TRY(read_request(arguments));
  if (!session.second) return Error::guest("there is no /proc/vmcore: only the second kernel can capture");
  CP_TRY(wait_for_device(request.device));
  Progress progress(session, id);
  if (request.format == "elf") return capture_elf(request, progress);
  Answer kdump = CP_TRY(capture_kdump(request, progress));
  if (!request.or_elf || !kdump.data.at("tool_refused").get_bool()) return kdump;
  Answer elf = CP_TRY(capture_elf(request, progress));
  elf.data["tool_refused"] = true;
  elf.data["output"] = kdump.data.at("output");
  return elf;
}

}  // namespace crashpath
