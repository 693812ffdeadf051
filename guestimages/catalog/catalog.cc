#include "guestimages/catalog/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "harness/base/file.h"
#include "harness/base/paths.h"
#include "harness/trial/toml_table.h"

namespace crashpath {
namespace {

/// Runs `read` on the top table of a catalog file, then refuses keys that nobody asked for.
template <class Read>
Result<> read_catalog_file(const std::filesystem::path& file, Read read) {
  const toml::table document = CP_TRY(parse_toml(CP_TRY(read_file(file)), file));
  TomlTable top(document, file);
  CP_TRY(read(top));
  return top.finish();
}

Result<std::vector<std::string>> required_strings(TomlTable& table, std::string_view key) {
  auto value = CP_TRY(table.strings(key));
  if (!value || value->empty()) return table.error(key, fmt::format("{} needs at least one string", key));
  return *std::move(value);
}

Result<Suite> read_suite(TomlTable table) {
  Suite suite{.name = CP_TRY(table.required_string("name")),
              .release = CP_TRY(table.required_string("release")),
              .compiler = CP_TRY(table.required_string("compiler"))};
  CP_TRY(table.finish());
  return suite;
}

Result<KernelCatalog> read_kernels(TomlTable table) {
  KernelCatalog kernels{.architecture = CP_TRY(table.required_string("name")),
                        .series = CP_TRY(required_strings(table, "series")),
                        .flavours = {}};
  auto flavours = CP_TRY(table.table("flavours"));
  if (!flavours) return table.error("flavours", "an architecture needs flavours");
  for (const auto& key : flavours->keys())
    kernels.flavours.push_back(
        {.name = key == "default" ? "" : key, .package = CP_TRY(flavours->required_string(key))});
  CP_TRY(flavours->finish());
  CP_TRY(table.finish());
  if (kernels.find_flavour("") == nullptr) return table.error("flavours", "flavours needs a default");
  return kernels;
}

}  // namespace

const Flavour* KernelCatalog::find_flavour(std::string_view name) const {
  const auto found = std::find_if(flavours.begin(), flavours.end(),
                                  [&](const Flavour& flavour) { return flavour.name == name; });
  return found == flavours.end() ? nullptr : &*found;
}

const Flavour* KernelCatalog::flavour_of(std::string_view package_or_release) const {
  const Flavour* longest = nullptr;  // "rt-arm64" also ends with "arm64"
  for (const auto& flavour : flavours)
    if (package_or_release.ends_with("-" + flavour.package) &&
        (longest == nullptr || flavour.package.size() > longest->package.size()))
      longest = &flavour;
  return longest;
}

const Suite* Catalog::find_suite(std::string_view name) const {
  const auto found =
      std::find_if(suites.begin(), suites.end(), [&](const Suite& suite) { return suite.name == name; });
  return found == suites.end() ? nullptr : &*found;
}

const KernelCatalog* Catalog::find_kernels(std::string_view debian_architecture) const {
  const auto found = std::find_if(kernels.begin(), kernels.end(), [&](const KernelCatalog& entry) {
    return entry.architecture == debian_architecture;
  });
  return found == kernels.end() ? nullptr : &*found;
}

std::vector<const Suite*> Catalog::suites_near(std::string_view release) const {
  std::vector<std::string_view> releases;  // oldest first
  std::vector<const Suite*> near;
  for (const auto& suite : suites) {
    if (std::find(releases.begin(), releases.end(), suite.release) == releases.end())
      releases.push_back(suite.release);
    near.push_back(&suite);
  }
  const auto index = [&](std::string_view name) {
    return std::find(releases.begin(), releases.end(), name) - releases.begin();
  };
  auto host = index(release);
  if (host == std::ssize(releases)) host = index(userland.release);
  // 0 for the host's own, 1 and 2 for the next newer and the next older one, and so on.
  const auto distance = [&](const Suite* suite) {
    const auto away = index(suite->release) - host;
    return away > 0 ? 2 * away - 1 : -2 * away;
  };
  std::stable_sort(near.begin(), near.end(),
                   [&](const Suite* a, const Suite* b) { return distance(a) < distance(b); });
  return near;
}

Result<Catalog> load_catalog(const std::filesystem::path& directory) {
  Catalog catalog;
  CP_TRY(read_catalog_file(directory / "suites.toml", [&](TomlTable& top) -> Result<> {
    for (auto& table : CP_TRY(top.tables("suite"))) catalog.suites.push_back(CP_TRY(read_suite(table)));
    return {};
  }));
  CP_TRY(read_catalog_file(directory / "kernels.toml", [&](TomlTable& top) -> Result<> {
    catalog.default_series = CP_TRY(top.required_string("default"));
    for (auto& table : CP_TRY(top.tables("architecture")))
      catalog.kernels.push_back(CP_TRY(read_kernels(table)));
    return {};
  }));
  CP_TRY(read_catalog_file(directory / "userland.toml", [&](TomlTable& top) -> Result<> {
    catalog.userland = {.release = CP_TRY(top.required_string("release")),
                        .packages = CP_TRY(required_strings(top, "packages")),
                        .programs = CP_TRY(required_strings(top, "programs")),
                        .applets = CP_TRY(required_strings(top, "applets")),
                        .modules = CP_TRY(required_strings(top, "modules"))};
    if (catalog.find_suite(catalog.userland.release) == nullptr)
      return top.error("release", "no such suite in suites.toml");
    return {};
  }));
  return catalog;
}

Result<Catalog> load_catalog() {
  return load_catalog(data_directory() / "guestimages" / "catalog");
}

std::string version_codename(std::string_view os_release) {
  constexpr std::string_view key = "VERSION_CODENAME=";
  while (!os_release.empty()) {
    std::string_view line = os_release.substr(0, os_release.find('\n'));
    os_release.remove_prefix(std::min(os_release.size(), line.size() + 1));
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    std::string value(line);
    std::erase_if(value, [](char c) { return c == '"' || c == '\''; });
    return value;
  }
  return {};
}

std::string host_release() {
  const auto text = read_file("/etc/os-release");
  return text ? version_codename(*text) : std::string();
}

}  // namespace crashpath
