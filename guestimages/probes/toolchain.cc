#include "guestimages/probes/toolchain.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "harness/base/file.h"

namespace crashpath {
namespace fs = std::filesystem;
namespace {

/// What kbuild runs besides the compiler. Essential packages have to be named too: mmdebstrap's variant
/// "extract" takes nothing that is not asked for.
constexpr std::string_view kPrograms =
    "make,dash,coreutils,sed,grep,mawk,findutils,diffutils,bash,base-files";

/// mmdebstrap into a directory beside the final one, so that a toolchain root is whole or is not there.
Result<> make_root(const ToolchainRequest& request, const fs::path& root) {
  const std::string suite(base_suite(request.suite));
  const std::string compiler = fmt::format("{}-{}", request.compiler, request.architecture->triplet);
  if (find_program("mmdebstrap").empty())
    return Error::host(fmt::format("{} of {} is not on this machine", compiler, suite))
        .with_hint(fmt::format("apt-get install mmdebstrap bubblewrap, or {}", compiler));

  if (request.say)
    request.say(fmt::format("making a toolchain root of {} for {}, once: about 10 s", suite, compiler));
  CP_TRY(make_directories(root.parent_path()));
  const fs::path unfinished = root.string() + fmt::format(".new-{}", getpid());
  Command command{.argv = {"mmdebstrap", "--quiet", "--variant=extract", "--format=directory",
                           fmt::format("--include={}:native,{}", compiler, kPrograms)}};
  for (const std::string& setting : request.apt_settings) command.argv.push_back("--aptopt=" + setting);
  command.argv.insert(command.argv.end(), {suite, unfinished.string(), request.mirror});
  const CommandOutput output = CP_TRY(run_command(command));
  std::error_code error;
  // Maintainer scripts do not run here, and this link is the one thing of theirs that kbuild needs.
  if (output.exit_code == 0) fs::create_symlink("mawk", unfinished / "usr/bin/awk", error);
  if (output.exit_code == 0 && !error) fs::rename(unfinished, root, error);
  std::error_code ignored;
  fs::remove_all(unfinished, ignored);  // still there when it failed, or when another process was faster
  if (fs::exists(root)) return {};
  return Error::host(fmt::format("cannot make the toolchain root of {}: {}", suite,
                                 error ? error.message() : output.err.substr(0, output.err.find('\n'))))
      .with_hint("to see all of it: " + command.to_shell());
}

}  // namespace

std::string_view base_suite(std::string_view suite) {
  return suite.substr(0, suite.find('-'));
}

Result<Toolchain> find_toolchain(const ToolchainRequest& request) {
  const std::string program = fmt::format("{}-{}", request.architecture->triplet, request.compiler);
  if (!find_program(program).empty() && !find_program("make").empty()) return Toolchain{};

  const Toolchain toolchain{request.directory / base_suite(request.suite) / program};
  if (!fs::exists(toolchain.root)) CP_TRY(make_root(request, toolchain.root));
  if (find_program("bwrap").empty())
    return Error::host("bubblewrap is needed to enter a toolchain root, and is not on this machine")
        .with_hint("apt-get install bubblewrap");
  return toolchain;
}

Command Toolchain::inside(Command command, const std::vector<fs::path>& readable,
                          const std::vector<fs::path>& writable) const {
  if (root.empty()) return command;
  std::vector<std::string> argv = {
      "bwrap", "--die-with-parent", "--unshare-net", "--unshare-ipc", "--dev", "/dev",         "--proc",
      "/proc", "--tmpfs",           "/tmp",          "--setenv",      "PATH",  "/usr/bin:/bin"};
  const auto append = [&argv](std::initializer_list<std::string> words) { argv.insert(argv.end(), words); };
  // Not the root as a whole: it could not be read-only and have mount points for the other directories as
  // well.
  for (const char* name : {"usr", "bin", "sbin", "lib", "lib64", "etc"}) {
    const fs::path path = root / name;
    if (fs::is_symlink(path))
      append({"--symlink", fs::read_symlink(path).string(), fmt::format("/{}", name)});
    else if (fs::exists(path))
      append({"--ro-bind", path.string(), fmt::format("/{}", name)});
  }
  for (const fs::path& path : readable) append({"--ro-bind", path.string(), path.string()});
  for (const fs::path& path : writable) append({"--bind", path.string(), path.string()});
  if (!command.directory.empty()) append({"--chdir", command.directory.string()});
  argv.insert(argv.end(), command.argv.begin(), command.argv.end());
  command.argv = std::move(argv);
  command.directory.clear();
  return command;
}

}  // namespace crashpath
