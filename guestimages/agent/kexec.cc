// The commands `kexec.load` and `kexec.exec`.

#include <fmt/format.h>
#include <unistd.h>

#include "guestimages/agent/commands.h"
#include "guestimages/agent/kexec_output.h"
#include "guestimages/agent/program.h"
#include "guestimages/agent/text.h"
#include "harness/agent/protocol.h"
#include "harness/base/file.h"

namespace crashpath {
namespace {

constexpr const char* kexec = "/sbin/kexec";
constexpr std::size_t max_kexec_output = 1024 * 1024;  // -d says much on machines with many memory ranges

/// A number out of a file of /sys/kernel, 0 when there is none.
std::int64_t number_of(const char* path) {
  const auto text = read_file(path);
  return text ? std::atoll(text->c_str()) : 0;
}

/// An initramfs: /crashpath/initrd and behind it an archive of what `find` names, made by busybox. Archives
/// behind one another must begin at a multiple of 4 bytes.
Result<std::string> extend_initrd(const std::string& path, std::string_view find) {
  const std::string script = fmt::format(
      "set -e; cp {1} {0}; size=$(stat -c %s {0}); truncate -s $(((size + 511) / 512 * 512)) {0}; "
      "cd /; find {2} | cpio -o -H newc >> {0} 2>/dev/null",
      path, agent_protocol::capture_initrd, find);
  const auto made = CP_TRY(run_program({"/bin/busybox", "sh", "-c", script}, agent_protocol::max_output));
  if (made.exit_code != 0)
    return Error::guest(fmt::format("cannot make the next initramfs: {}", trim_end(made.output)));
  return path;
}

/// The initramfs of the next kernel in a chain of plain kexecs: it has all that this one has.
Result<std::string> next_initrd(const Session& session) {
  CP_TRY(write_file(agent_protocol::generation_file, fmt::format("{}\n", session.generation + 1)));
  return extend_initrd("/next-initrd", "crashpath lib/modules/*/crashpath");
}

Result<std::string> default_initrd(const Session& session, bool panic) {
  if (!panic) return next_initrd(session);
  // The capture kernel must find the script, too.
  if (session.replaying) return extend_initrd("/capture-initrd", agent_protocol::script.substr(1));
  return std::string(agent_protocol::capture_initrd);
}

struct KexecRun {
  int exit_code = 0;
  std::string output;     ///< both streams
  std::string complaint;  ///< see kexec_complaint()
};

Result<KexecRun> run_kexec(const std::vector<std::string>& argv) {
  Tail output(max_kexec_output), errors(max_kexec_output);
  ProgramStreams streams;
  streams.out = [&output](std::string_view text) -> Result<> {
    output.append(text);
    return {};
  };
  streams.err = [&output, &errors](std::string_view text) -> Result<> {
    output.append(text);
    errors.append(text);
    return {};
  };
  const int exit_code = CP_TRY(run_program(argv, streams));
  return KexecRun{exit_code, std::string(output.text()), kexec_complaint(errors.text())};
}

}  // namespace

Result<Answer> load_kexec(Session& session, const boost::json::value&, Arguments arguments) {
  const bool panic = CP_TRY(arguments.flag_or("panic", true));
  const std::string append = CP_TRY(arguments.text("append"));
  const auto args = CP_TRY(arguments.texts("args"));
  const std::string kernel = CP_TRY(arguments.text_or("kernel", agent_protocol::kernel_image));
  std::string initrd = CP_TRY(arguments.text_or("initrd", ""));
  CP_TRY(arguments.nothing_else());
  if (initrd.empty()) initrd = CP_TRY(default_initrd(session, panic));

  std::vector<std::string> argv{kexec, panic ? "-p" : "-l", "-d"};
  argv.insert(argv.end(), args.begin(), args.end());
  argv.insert(argv.end(), {kernel, "--initrd=" + initrd, "--append=" + append});
  const KexecRun loaded = CP_TRY(run_kexec(argv));

  Tail output(agent_protocol::max_output);
  output.append(loaded.output);
  const std::int64_t is_loaded =
      number_of(panic ? "/sys/kernel/kexec_crash_loaded" : "/sys/kernel/kexec_loaded");
  Answer answer;
  answer.data = {{"exit_code", loaded.exit_code},
                 {"output", to_utf8(output.text())},
                 {"crash_loaded", number_of("/sys/kernel/kexec_crash_loaded")},
                 {"crash_size", number_of("/sys/kernel/kexec_crash_size")}};
  auto segments = parse_kexec_segments(loaded.output);
  if (!segments.empty()) answer.data["segments"] = std::move(segments);
  if (loaded.exit_code != 0 || is_loaded != 1)
    answer.error = fmt::format("kexec exited with {}, and the kernel says that {} is loaded{}{}",
                               loaded.exit_code, is_loaded == 1 ? "an image" : "no image",
                               loaded.complaint.empty() ? "" : ": ", to_utf8(loaded.complaint));
  return answer;
}

Result<Answer> execute_kexec(Session&, const boost::json::value&, Arguments arguments) {
  CP_TRY(arguments.nothing_else());
  if (number_of("/sys/kernel/kexec_loaded") != 1)
    return Error::guest("no kernel is loaded: kexec.load with panic false first");
  Answer answer;
  answer.afterwards = []() -> Result<> {
    const auto ended = CP_TRY(run_program({kexec, "-e"}, agent_protocol::max_output));
    return Error::guest(
        fmt::format("kexec -e came back with {}: {}", ended.exit_code, trim_end(ended.output)));
  };
  return answer;
}

}  // namespace crashpath
