#include "cli/replay_script.h"

#include <fmt/format.h>

#include <algorithm>

#include "guestimages/initramfs/cpio.h"
#include "harness/agent/protocol.h"
#include "harness/base/file.h"
#include "harness/evidence/directory.h"
#include "harness/machine/qemu/command_line.h"
#include "harness/machine/qemu/launch.h"
#include "harness/process/command.h"
#include "harness/trial/runner.h"
#include "harness/trial/script.h"

namespace crashpath {
namespace {

/// `work` is a directory of the replay alone, `here` the trial's. What QEMU is told stands in one place of
/// the script, so that a bug report can be cut down by editing it.
constexpr std::string_view kScript = R"sh(#!/bin/sh
# Runs trial {id} again with plain QEMU: the same kernel, initramfs, machine and command line. The guest carries out the
# trial's script by itself, with its console here, and powers off. The dump is kept when KEEP=FILE is given.
# Further options are QEMU's, for example -S -gdb tcp:localhost:1234.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
kernel={kernel}
initramfs={initramfs}
for file in "$kernel" "$initramfs" "$here/script.cpio"; do
  [ -r "$file" ] || {{ echo "replay: $file is missing: 'crashpath replay $here' makes guest images again" >&2; exit 3; }}
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cat "$initramfs" "$here/script.cpio" > "$work/initramfs"
truncate -s {disk_size} "$work/capture.disk"
{before}{command_line}
{after}[ -z "${{KEEP:-}}" ] || mv "$work/capture.disk" "$KEEP"
)sh";

/// An NMI comes from outside: a monitor on a pair of pipes is told once the guest says that it waits.
constexpr std::string_view kInjectNmi = R"sh(mkfifo "$work/monitor.in" "$work/monitor.out"
cat "$work/monitor.out" > /dev/null &
( until grep -q '"kind":"wait"' "$work/console.log" 2>/dev/null; do sleep 1; done
  echo nmi > "$work/monitor.in" ) &
helper=$!
)sh";
constexpr std::string_view kAfterNmi = "kill $helper 2>/dev/null || true\n";

/// Words that the shell must expand: to_shell_lines leaves them bare, for they hold nothing that needs
/// quotes.
std::string expand_variables(std::string text) {
  for (const std::string variable : {"work", "kernel", "initramfs", "@"}) {
    const std::string marker = "@" + variable + "@";
    for (auto at = text.find(marker); at != std::string::npos; at = text.find(marker, at))
      text.replace(at, marker.size(), "\"$" + variable + "\"");
  }
  return text;
}

}  // namespace

Result<> write_replay_script(const PlannedTrial& trial, const std::filesystem::path& directory) {
  const auto script = CP_TRY(make_script(trial));
  CpioTree tree;
  tree.add_file(std::string(agent_protocol::script.substr(1)), to_agent_script(script));
  CP_TRY(write_file(directory / "script.cpio", CP_TRY(tree.to_bytes())));

  QemuEndpoints endpoints = CP_TRY(replay_endpoints(trial.machine));
  endpoints.kernel = "@kernel@";
  endpoints.initramfs = "@work@/initramfs";
  endpoints.capture_disk = "@work@/capture.disk";
  endpoints.console = "stdio,signal=on,logfile=@work@/console.log";
  std::vector<std::string> argv = qemu_command_line(trial.machine, endpoints);
  const bool nmi =
      std::any_of(script.begin(), script.end(), [](const auto& step) { return step.run == "host.nmi"; });
  if (nmi)
    argv.insert(argv.end(),
                {"-chardev", "pipe,id=hmp,path=@work@/monitor", "-mon", "chardev=hmp,mode=readline"});

  argv.push_back("@@@");  // what the script itself is given

  const std::string text = fmt::format(
      kScript, fmt::arg("id", trial.id), fmt::arg("kernel", shell_quote(trial.image->kernel.native())),
      fmt::arg("initramfs", shell_quote(trial.machine.initramfs.native())),
      fmt::arg("disk_size", capture_disk_size(trial.machine.memory_mib)),
      fmt::arg("before", nmi ? kInjectNmi : ""), fmt::arg("after", nmi ? kAfterNmi : ""),
      fmt::arg("command_line", expand_variables(to_shell_lines(argv))));
  const auto file = directory / evidence_file::kReplay;
  CP_TRY(write_file(file, text));
  std::error_code code;
  std::filesystem::permissions(file, std::filesystem::perms(0755), code);
  if (code) return Error::host(fmt::format("cannot make {} executable: {}", file.native(), code.message()));
  return {};
}

}  // namespace crashpath
