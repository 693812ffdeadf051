#include "guestimages/probes/build.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <optional>
#include <regex>

#include "harness/base/file.h"
#include "harness/base/paths.h"
#include "harness/base/scratch_directory.h"
#include "harness/process/command.h"

namespace crashpath {
namespace fs = std::filesystem;
namespace {

/// A probe's C file and, by its name below sources, each header of `include/` that it or another of them
/// names.
struct ProbeSource {
  std::string text;
  std::map<std::string, std::string> includes;
};

/// Adds the headers that `text` names: as "include/NAME.h" in a probe, as "NAME.h" in a header beside it.
Result<> add_headers(const fs::path& sources, const std::string& text,
                     std::map<std::string, std::string>& headers) {
  static const std::regex include(R"re((^|\n)#include "(include/)?(\w+\.h)")re");
  for (std::sregex_iterator found(text.begin(), text.end(), include), end; found != end; ++found) {
    const std::string name = "include/" + (*found)[3].str();
    if (headers.contains(name)) continue;
    const auto& header = headers[name] = CP_TRY(read_file(sources / name));
    CP_TRY(add_headers(sources, header, headers));
  }
  return {};
}

Result<ProbeSource> read_source(const fs::path& sources, const std::string& name) {
  const fs::path file = sources / (name + ".c");
  if (!fs::exists(file))
    return Error::usage(fmt::format("there is no probe {}: no such file {}", name, file.string()));
  ProbeSource source{.text = CP_TRY(read_file(file)), .includes = {}};
  CP_TRY(add_headers(sources, source.text, source.includes));
  return source;
}

/// Everything that a module depends on; the recipe's own number is for changes of this file.
std::string cache_key(const ProbeBuild& build, const std::string& compiler, const ProbeSource& source) {
  constexpr int kRecipe = 1;
  std::string all =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}", kRecipe, build.architecture->name, build.headers.release,
                  build.headers.package_version, base_suite(build.headers.suite), compiler, source.text);
  for (const auto& [name, text] : source.includes) all += fmt::format("\n{}\n{}", name, text);
  const XXH128_hash_t hash = XXH3_128bits(all.data(), all.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

Command make_command(const ProbeBuild& build, const fs::path& headers, const fs::path& module) {
  // .kernelvariables of older packages derives CROSS_COMPILE from DEB_HOST_GNU_TYPE when build and host
  // architecture differ; with both empty it leaves ours alone. Without debug information there is nothing to
  // make BTF of, which would need the kernel's own vmlinux and pahole.
  return {.argv = {"make", "-C", headers.string(), "M=" + module.string(),
                   fmt::format("ARCH={}", build.architecture->kernel_arch),
                   fmt::format("CROSS_COMPILE={}-", build.architecture->triplet), "DEB_BUILD_ARCH=",
                   "DEB_HOST_ARCH=", "CONFIG_DEBUG_INFO=", "CONFIG_DEBUG_INFO_BTF_MODULES=",
                   // The directory's name is another one each time; the module is not to be.
                   fmt::format("KCFLAGS=-ffile-prefix-map={}/=", module.string()), "modules"},
          .environment = {{"LC_ALL", "C"}},
          .timeout = std::chrono::seconds(120)};
}

/// The first line in which the compiler or modpost says what is wrong with the source; empty when neither
/// does.
std::string first_complaint(const std::string& output, const fs::path& module) {
  static const std::regex complaint(R"((^|\n)([^\n]*(:[0-9]+: (fatal )?error: |ERROR: modpost: )[^\n]*))");
  std::smatch match;
  if (!std::regex_search(output, match, complaint)) return {};
  std::string line = match[2];
  if (const std::string prefix = module.string() + "/"; line.starts_with(prefix))
    line.erase(0, prefix.size());
  return line;
}

/// The last line that is not make's own: what made make give up.
std::string last_line(std::string_view text) {
  std::string_view line;
  do {
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    line = text.substr(text.rfind('\n') + 1);
    text.remove_suffix(line.size());
  } while (line.starts_with("make") && !text.empty());
  return std::string(line);
}

struct Built {
  std::string module;  ///< the .ko, or
  std::string reason;  ///< why there is none
};

Result<Built> build_module(const ProbeBuild& build, const Toolchain& toolchain, const std::string& name,
                           const ProbeSource& source) {
  const ScratchDirectory directory = CP_TRY(ScratchDirectory::make(build.cache / "probes"));
  const fs::path headers = directory.path() / "headers";
  const fs::path module = directory.path() / "module";
  CP_TRY(stage_headers(build.headers, headers));
  CP_TRY(make_directories(module));
  CP_TRY(write_file(module / (name + ".c"), source.text));
  if (!source.includes.empty()) CP_TRY(make_directories(module / "include"));
  for (const auto& [header, text] : source.includes) CP_TRY(write_file(module / header, text));
  CP_TRY(write_file(module / "Kbuild", fmt::format("obj-m := {}.o\n", name)));

  const Command command =
      toolchain.inside(make_command(build, headers, module), {build.headers.root}, {directory.path()});
  const CommandOutput output = CP_TRY(run_command(command));
  if (output.exit_code == 0) return Built{.module = CP_TRY(read_file(module / (name + ".ko"))), .reason = {}};

  if (const std::string complaint = first_complaint(output.err, module); !complaint.empty())
    return Built{
        .module = {},
        .reason = fmt::format("probe {} does not build for {}: {}", name, build.headers.release, complaint)};
  Error error = Error::host(fmt::format("cannot build probe {} for {}: make exited with {}: {}", name,
                                        build.headers.release, output.exit_code, last_line(output.err)));
  if (output.err.starts_with("bwrap: "))
    return std::move(error).with_hint(
        fmt::format("bubblewrap could not enter {}: run as root, or where user namespaces are allowed",
                    toolchain.root.string()));
  return error;
}

}  // namespace

fs::path probe_sources() {
  return data_directory() / "guestimages/probes";
}

Result<std::vector<std::string>> list_probes(const fs::path& sources) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(sources, error))
    if (entry.path().extension() == ".c") names.push_back(entry.path().stem());
  if (error)
    return Error::host(fmt::format("cannot list probes in {}: {}", sources.string(), error.message()));
  std::sort(names.begin(), names.end());
  return names;
}

Result<ProbeSet> build_probes(const ProbeBuild& build, const std::vector<std::string>& names) {
  const std::string compiler = CP_TRY(kernel_compiler(build.headers));
  std::optional<Toolchain> toolchain;  // looked for only when there is something to build
  ProbeSet set;
  for (const std::string& name : names) {
    const ProbeSource source = CP_TRY(read_source(build.sources, name));
    const fs::path cached = build.cache / "probes" / build.headers.release /
                            fmt::format("{}-{}.ko", name, cache_key(build, compiler, source));
    if (!fs::exists(cached)) {
      if (!toolchain)
        toolchain = CP_TRY(find_toolchain({.architecture = build.architecture,
                                           .compiler = compiler,
                                           .suite = build.headers.suite,
                                           .mirror = build.mirror,
                                           .apt_settings = build.apt_settings,
                                           .directory = build.cache / "toolchains",
                                           .say = build.say}));
      const Built built = CP_TRY(build_module(build, *toolchain, name, source));
      if (!built.reason.empty()) {
        set.reasons[name] = built.reason;
        continue;
      }
      CP_TRY(make_directories(cached.parent_path()));
      CP_TRY(write_file(cached, built.module));
    }
    set.modules[name] = cached;
  }
  return set;
}

}  // namespace crashpath
