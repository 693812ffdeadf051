#include "guestimages/fetch/apt_root.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <boost/algorithm/string.hpp>

#include "guestimages/fetch/apt_failure.h"
#include "harness/base/file.h"

namespace crashpath {
namespace {

using namespace std::chrono_literals;

constexpr auto lists_live = 24h;

/// Below the root. apt makes none of these itself.
constexpr const char* root_directories[] = {"lists/partial", "cache/archives/partial", "suites",
                                            "keyrings",      "etc/apt.conf.d",         "etc/preferences.d"};

std::string configuration(const AptOptions& options) {
  const std::string& root = options.directory.native();
  // Read through APT_CONFIG, before apt looks for the machine's own configuration, which Dir::Etc turns away.
  std::string text = fmt::format(
      "Dir \"{0}\";\n"
      "Dir::Etc \"{0}/etc\";\n"
      "Dir::Etc::sourceparts \"/dev/null\";\n"
      "Dir::Etc::trusted \"/dev/null\";\n"
      "Dir::Etc::trustedparts \"{0}/keyrings\";\n"
      "Dir::State \"{0}\";\n"
      "Dir::State::lists \"{0}/lists\";\n"
      "Dir::State::status \"{0}/status\";\n"
      "Dir::Cache \"{0}/cache\";\n"
      "APT::Architecture \"{1}\";\n"
      "APT::Architectures {{ \"{1}\"; }};\n"
      // All suites share a directory of lists, and each command sees the sources of one.
      "APT::Get::List-Cleanup \"false\";\n"
      // Otherwise a mirror that does not answer is a warning and exit status 0.
      "APT::Update::Error-Mode \"any\";\n"
      "APT::Install-Recommends \"false\";\n"
      "Acquire::Languages \"none\";\n"
      "Acquire::Retries \"1\";\n"
      "Acquire::http::Timeout \"{2}\";\n"
      "Acquire::https::Timeout \"{2}\";\n"
      "Acquire::http::ConnectTimeout \"{2}\";\n"
      "Acquire::https::ConnectTimeout \"{2}\";\n",
      root, options.architecture, options.timeout.count());
  // As root apt would drop to a user that may not enter our directories.
  if (::geteuid() == 0) text += "APT::Sandbox::User \"root\";\n";
  for (const auto& line : options.mirror.settings) text += line + "\n";
  return text;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  boost::split(lines, text, [](char c) { return c == '\n'; });
  return lines;
}

/// Seconds since the file was written, or a very long time.
std::chrono::seconds age(const std::filesystem::path& file) {
  std::error_code code;
  const auto written = std::filesystem::last_write_time(file, code);
  if (code) return std::chrono::hours(24 * 365 * 100);
  return std::chrono::duration_cast<std::chrono::seconds>(std::filesystem::file_time_type::clock::now() -
                                                          written);
}

}  // namespace

Result<AptRoot> AptRoot::open(AptOptions options) {
  for (const char* directory : root_directories) CP_TRY(make_directories(options.directory / directory));
  CP_TRY(write_file(options.directory / "apt.conf", configuration(options)));
  CP_TRY(write_file(options.directory / "status", ""));
  // A copy, because [signed-by=...] takes no path with a space in it.
  CP_TRY(write_file(options.directory / "keyrings" / "keyring.gpg", CP_TRY(read_file(options.keyring))));
  return AptRoot(std::move(options));
}

std::filesystem::path AptRoot::source_list(const std::string& suite) const {
  return options_.directory / "suites" / (suite + ".list");
}

std::string AptRoot::source_line(const std::string& suite) const {
  return fmt::format("deb {} {} main\n", boost::replace_all_copy(options_.mirror.uri, " ", "%20"), suite);
}

Command AptRoot::apt(std::vector<std::string> argv, const std::string& suite) const {
  const auto option = [&](std::string_view name, const std::filesystem::path& value) {
    argv.insert(argv.begin() + 1, {"-o", fmt::format("{}={}", name, value.native())});
  };
  option("Dir::Etc::sourcelist", source_list(suite));
  // One cache a suite: apt rebuilds it, which takes a second, whenever the sources are not those it was made
  // of.
  option("Dir::Cache::pkgcache", options_.directory / "cache" / (suite + ".pkgcache"));
  option("Dir::Cache::srcpkgcache", options_.directory / "cache" / (suite + ".srcpkgcache"));
  return {.argv = std::move(argv),
          .environment = {{"APT_CONFIG", (options_.directory / "apt.conf").native()}, {"LC_ALL", "C.UTF-8"}},
          .timeout = 1h};
}

bool AptRoot::has_lists(const std::string& suite) const {
  const auto source = read_file(source_list(suite));
  return source && *source == source_line(suite) && std::filesystem::exists(source_list(suite) += ".updated");
}

Result<> AptRoot::update(const std::string& suite, bool always) {
  const std::filesystem::path updated = source_list(suite) += ".updated";
  if (has_lists(suite)) {
    if (!always && age(updated) < lists_live) return {};
  } else {
    std::error_code code;
    std::filesystem::remove(updated, code);
    CP_TRY(write_file(source_list(suite), source_line(suite)));
  }
  const CommandOutput output = CP_TRY(run_command(apt({"apt-get", "-q", "update"}, suite)));
  unreachable_ = output.exit_code != 0 && is_mirror_unreachable(output.err);
  if (output.exit_code != 0)
    return apt_failure(fmt::format("package lists of {} ({})", suite, options_.architecture),
                       options_.mirror.uri, output.err);
  return write_file(updated, "");
}

Result<std::vector<std::string>> AptRoot::names(const std::string& suite, const std::string& prefix) const {
  auto names = lines_of(CP_TRY(command_output(apt({"apt-cache", "pkgnames", prefix}, suite))));
  std::erase(names, "");
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::vector<Package>> AptRoot::show(const std::string& suite,
                                           const std::vector<std::string>& names) const {
  if (names.empty()) return std::vector<Package>();
  std::vector<std::string> argv = {"apt-cache", "show", "--no-all-versions"};
  argv.insert(argv.end(), names.begin(), names.end());
  // Exit status 100 when it has none of them.
  const CommandOutput output = CP_TRY(run_command(apt(std::move(argv), suite)));
  return parse_packages(output.out, suite);
}

Result<std::map<std::string, std::vector<std::string>>> AptRoot::depends(
    const std::string& suite, const std::vector<std::string>& names) const {
  std::vector<std::string> argv = {"apt-cache",      "depends",     "--no-recommends", "--no-suggests",
                                   "--no-conflicts", "--no-breaks", "--no-replaces",   "--no-enhances"};
  argv.insert(argv.end(), names.begin(), names.end());
  std::map<std::string, std::vector<std::string>> depends;
  std::vector<std::string>* current = nullptr;
  for (const auto& line : lines_of(CP_TRY(command_output(apt(std::move(argv), suite))))) {
    if (!line.starts_with(' ')) {
      current = &depends[line];  // a package; below it, indented, what it depends on
    } else if (const size_t key = line.find("Depends: "); key != std::string::npos && current != nullptr) {
      // In angle brackets when there is no package of that name.
      current->push_back(
          boost::trim_copy_if(line.substr(key + 9), [](char c) { return c == '<' || c == '>'; }));
    }
  }
  return depends;
}

Result<std::vector<Package>> AptRoot::closure(const std::string& suite,
                                              const std::vector<std::string>& packages) const {
  std::vector<std::string> argv = {"apt-get", "--simulate", "-qq", "install"};
  argv.insert(argv.end(), packages.begin(), packages.end());
  const CommandOutput output = CP_TRY(run_command(apt(std::move(argv), suite)));
  if (output.exit_code != 0)
    return apt_failure(fmt::format("{} of {} ({})", fmt::join(packages, ", "), suite, options_.architecture),
                       options_.mirror.uri, output.err);
  std::vector<std::string> names;  // from "Inst NAME (VERSION ORIGIN [ARCHITECTURE])"
  for (const auto& line : lines_of(output.out))
    if (line.starts_with("Inst ")) names.push_back(line.substr(5, line.find(' ', 5) - 5));
  return show(suite, names);
}

Result<> AptRoot::download(const std::vector<Package>& packages,
                           const std::filesystem::path& directory) const {
  std::vector<std::string> argv = {"apt-get", "-q", "download"};
  std::vector<std::string> names;
  for (const auto& package : packages) {
    names.push_back(fmt::format("{} {}", package.name, package.version));
    argv.push_back(fmt::format("{}={}", package.name, package.version));
  }
  Command command = apt(std::move(argv), packages.front().suite);
  command.directory = directory;
  const CommandOutput output = CP_TRY(run_command(command));
  if (output.exit_code != 0)
    return apt_failure(fmt::format("{}", fmt::join(names, ", ")), options_.mirror.uri, output.err);
  for (const auto& package : packages)
    if (!std::filesystem::exists(directory / package.file_name()))
      return Error::host(fmt::format("apt-get download left no file {}", package.file_name()));
  return {};
}

Result<std::filesystem::path> archive_keyring() {
  for (const char* path :
       {"/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"})
    if (std::filesystem::exists(path)) return std::filesystem::path(path);
  return Error::host("there is no Debian archive keyring, so no package could be verified")
      .with_hint("install it: apt-get install debian-archive-keyring");
}

}  // namespace crashpath
