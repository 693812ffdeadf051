#include "guestimages/fetch/mirror.h"

#include <fmt/format.h>
#include <boost/algorithm/string.hpp>

#include <cstdlib>

#include "harness/process/command.h"

namespace crashpath {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  boost::split(parts, text, [&](char c) { return c == separator; });
  return parts;
}

Result<std::string> ask_host(std::vector<std::string> argv) {
  return command_output({.argv = std::move(argv)});
}

}  // namespace

std::vector<std::string> index_targets_command() {
  return {"apt-get", "indextargets", "--format", "$(ORIGIN)\t$(LABEL)\t$(CODENAME)\t$(COMPONENT)\t$(SITE)",
          "Created-By: Packages"};
}

std::string pick_mirror(std::string_view index_targets, std::string_view release) {
  std::string any;
  for (const auto& line : split(index_targets, '\n')) {
    const auto fields = split(line, '\t');
    if (fields.size() != 5 || fields[0] != "Debian" || fields[1] != "Debian" || fields[3] != "main") continue;
    const std::string& site = fields[4];
    if (site.starts_with("cdrom:")) continue;
    if (fields[2] == release) return site;
    if (any.empty()) any = site;
  }
  return any;
}

std::string guess_mirror(std::string_view update_uris, const Catalog& catalog) {
  for (const auto& line : split(update_uris, '\n'))
    for (const auto& suite : catalog.suites) {
      const size_t end = line.find(fmt::format("/dists/{}/main/binary-", suite.name));
      if (line.starts_with('\'') && end != std::string::npos) return line.substr(1, end - 1);
    }
  return {};
}

std::vector<std::string> mirror_settings(std::string_view apt_config_dump) {
  std::vector<std::string> settings;
  for (const auto& line : split(apt_config_dump, '\n')) {
    const std::string name = boost::to_lower_copy(line.substr(0, line.find(' ')));
    const bool is_transport = name.starts_with("acquire::http::") || name.starts_with("acquire::https::");
    const bool is_reach = name.find("::proxy") != std::string::npos ||
                          name.find("::cainfo") != std::string::npos ||
                          name.find("::capath") != std::string::npos;
    const bool is_age = name == "acquire::check-valid-until" || name == "acquire::check-date";
    if ((is_transport && is_reach) || is_age) settings.push_back(line);
  }
  return settings;
}

Result<Mirror> find_mirror(const Catalog& catalog, const std::string& override_uri) {
  Mirror mirror{.uri = override_uri, .settings = mirror_settings(CP_TRY(ask_host({"apt-config", "dump"})))};
  const char* from_environment = std::getenv("CRASHPATH_MIRROR");
  if (mirror.uri.empty() && from_environment != nullptr) mirror.uri = from_environment;
  if (mirror.uri.empty()) mirror.uri = pick_mirror(CP_TRY(ask_host(index_targets_command())), host_release());
  if (mirror.uri.empty())
    mirror.uri = guess_mirror(CP_TRY(ask_host({"apt-get", "update", "--print-uris"})), catalog);
  if (mirror.uri.empty())
    return Error::host("this machine's apt sources name no mirror of Debian's main archive")
        .with_hint("name one: CRASHPATH_MIRROR=URL");
  return mirror;
}

}  // namespace crashpath
