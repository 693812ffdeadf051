#include "guestimages/fetch/kernel_packages.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace crashpath {
namespace {

constexpr std::string_view image_prefix = "linux-image-";
/// Of packages with the programs that build modules.
constexpr std::string_view kbuild_prefix = "linux-kbuild-";

/// "6.12.95+deb12" of "linux-image-6.12.95+deb12-rt-arm64". Packages of one kernel all have it in their
/// names.
std::string abi_of(const KernelPackages& kernel) {
  return kernel.release.substr(0, kernel.release.size() - kernel.flavour.size() - 1);
}

/// Whether dpkg holds version `a` for newer than `b`.
Result<bool> is_newer(const std::string& a, const std::string& b) {
  return CP_TRY(run_command({.argv = {"dpkg", "--compare-versions", a, "gt", b}})).exit_code == 0;
}

Result<> sort_newest_first(std::vector<Package>& packages) {
  // By insertion, since a comparison can fail.
  for (size_t end = 1; end < packages.size(); ++end)
    for (size_t i = end; i > 0 && CP_TRY(is_newer(packages[i].version, packages[i - 1].version)); --i)
      std::swap(packages[i], packages[i - 1]);
  return {};
}

/// The packages of the same kernel that `package` needs, directly or not, itself first. One that the suite
/// does not have is an error: then the suite is in the middle of a change.
Result<std::vector<Package>> with_parts(const AptRoot& apt, const Package& package, const std::string& abi,
                                        const std::set<std::string>& leave_out = {}) {
  std::vector<Package> parts = {package};
  std::set<std::string> seen = leave_out;
  seen.insert(package.name);
  for (size_t i = 0; i < parts.size(); ++i) {
    auto depends = CP_TRY(apt.depends(package.suite, {parts[i].name}));
    for (const auto& name : depends[parts[i].name]) {
      if (!name.starts_with("linux-") || name.starts_with(kbuild_prefix) ||
          name.find(abi) == std::string::npos || !seen.insert(name).second)
        continue;
      const auto found = CP_TRY(apt.show(package.suite, {name}));
      if (found.empty())
        return Error::host(
            fmt::format("{} of {} needs {}, which is not there", parts[i].name, package.suite, name));
      parts.push_back(found.front());
    }
  }
  return parts;
}

KernelPackages named_after(const Package& image, const Suite& suite, const KernelCatalog& catalog) {
  KernelPackages kernel;
  kernel.release = image.name.substr(image_prefix.size());
  if (const Flavour* flavour = catalog.flavour_of(kernel.release)) kernel.flavour = flavour->package;
  kernel.suite = &suite;
  kernel.packages = {image};
  return kernel;
}

/// Image packages of a suite that are kernels of a known flavour: no debug symbols, no unsigned ones, no
/// metapackages.
Result<std::vector<std::string>> image_names(const AptRoot& apt, const Suite& suite,
                                             const KernelCatalog& catalog) {
  auto names = CP_TRY(apt.names(suite.name, std::string(image_prefix)));
  std::erase_if(names, [&](const std::string& name) {
    const char first = name[std::min(name.size() - 1, image_prefix.size())];
    return first < '0' || first > '9' || catalog.flavour_of(name) == nullptr;
  });
  return names;
}

/// The image packages of one suite that a specification means, newest first.
Result<std::vector<Package>> candidates(const AptRoot& apt, const Suite& suite, const KernelCatalog& catalog,
                                        const KernelSpec& spec) {
  std::vector<std::string> names;
  if (spec.kind == KernelSpec::Kind::package) {
    names = {spec.version.empty() ? spec.package : spec.package + "=" + spec.version};
  } else {
    const Flavour* flavour = catalog.find_flavour(spec.flavour);
    for (auto& name : CP_TRY(image_names(apt, suite, catalog)))
      if (catalog.flavour_of(name) == flavour &&
          is_of_series(std::string_view(name).substr(image_prefix.size()), spec.series))
        names.push_back(std::move(name));
  }
  auto packages = CP_TRY(apt.show(suite.name, names));
  CP_TRY(sort_newest_first(packages));
  return packages;
}

Result<const KernelCatalog*> kernels_for(const Archive& archive, const KernelSpec& spec) {
  const KernelCatalog* kernels = archive.catalog().find_kernels(archive.architecture());
  if (kernels == nullptr)
    return Error::usage(fmt::format("the catalog has no kernels of {}", archive.architecture()));
  const bool is_known = spec.kind == KernelSpec::Kind::package
                            ? kernels->flavour_of(spec.package) != nullptr
                            : kernels->find_flavour(spec.flavour) != nullptr;
  if (is_known) return kernels;
  std::vector<std::string> known;
  for (const auto& flavour : kernels->flavours)
    known.push_back(flavour.name.empty() ? fmt::format("{} (the default)", flavour.package)
                                         : fmt::format("{} ({})", flavour.name, flavour.package));
  return Error::usage(fmt::format("--kernel {}: {} has no such flavour", spec.text, archive.architecture()))
      .with_hint(fmt::format("flavours: {}", fmt::join(known, ", ")));
}

}  // namespace

Result<KernelPackages> resolve_kernel(Archive& archive, const KernelSpec& spec) {
  const KernelCatalog* catalog = CP_TRY(kernels_for(archive, spec));
  std::vector<std::string> searched;
  std::string problems;
  for (const Suite* suite : archive.catalog().suites_near(host_release())) {
    if (!CP_TRY(archive.can_read(*suite))) {
      problems += fmt::format("; {} could not be read", suite->name);
      continue;
    }
    searched.push_back(suite->name);
    for (const auto& image : CP_TRY(candidates(archive.apt(), *suite, *catalog, spec))) {
      KernelPackages kernel = named_after(image, *suite, *catalog);
      auto parts = with_parts(archive.apt(), image, abi_of(kernel));
      if (!parts) {
        problems += "; " + parts.error().message();
        continue;
      }
      kernel.packages = *std::move(parts);
      return kernel;
    }
  }
  const std::string message = fmt::format("--kernel {}: no such kernel for {} in {}{}", spec.text,
                                          archive.architecture(), fmt::join(searched, ", "), problems);
  // Where something could not be asked, the user may well be right.
  Error error = problems.empty() ? Error::usage(message) : Error::host(message);
  return std::move(error).with_hint("crashpath list kernels shows what there is");
}

Result<KernelPackages> kernel_of(const std::vector<Package>& packages, const Catalog& catalog,
                                 const std::string& debian_architecture) {
  const Suite* suite = catalog.find_suite(packages.front().suite);
  const KernelCatalog* kernels = catalog.find_kernels(debian_architecture);
  if (suite == nullptr || kernels == nullptr)
    return Error::host(
        fmt::format("the catalog has no suite {} for {}", packages.front().suite, debian_architecture));
  KernelPackages kernel = named_after(packages.front(), *suite, *kernels);
  kernel.packages = packages;
  return kernel;
}

Result<std::vector<Package>> header_packages(Archive& archive, const KernelPackages& kernel) {
  const std::string name = "linux-headers-" + kernel.release;
  CP_TRY(archive.need(*kernel.suite));
  const auto headers = CP_TRY(archive.apt().show(kernel.suite->name, {name}));
  if (headers.empty())
    return Error::host(fmt::format("{} has no {}", kernel.suite->name, name))
        .with_hint(
            "the suite may have dropped the headers of an older kernel: choose the newest of the series");
  // Headers name the signed and the unsigned image as alternatives, and an architecture may have one only.
  // Modules are built without either.
  const std::string image = std::string(image_prefix) + kernel.release;
  return with_parts(archive.apt(), headers.front(), abi_of(kernel), {image, image + "-unsigned"});
}

Result<std::string> kbuild_package(const Archive& archive, const Package& headers) {
  auto depends = CP_TRY(archive.apt().depends(headers.suite, {headers.name}));
  for (const auto& name : depends[headers.name])
    if (name.starts_with(kbuild_prefix)) return name;
  return Error::host(fmt::format("{} of {} names no {}*", headers.name, headers.suite, kbuild_prefix));
}

std::string series_of(std::string_view release) {
  const size_t dot = release.find('.');
  const size_t end = dot == release.npos ? dot : release.find_first_not_of("0123456789", dot + 1);
  return std::string(release.substr(0, end));
}

Result<std::vector<KernelPackages>> list_kernel_packages(Archive& archive) {
  std::vector<KernelPackages> kernels;
  const KernelCatalog* catalog = archive.catalog().find_kernels(archive.architecture());
  if (catalog == nullptr) return kernels;
  for (const Suite* suite : archive.catalog().suites_near(host_release())) {
    if (!CP_TRY(archive.can_read(*suite))) continue;
    auto images =
        CP_TRY(archive.apt().show(suite->name, CP_TRY(image_names(archive.apt(), *suite, *catalog))));
    CP_TRY(sort_newest_first(images));
    std::set<std::pair<std::string, std::string>> seen;  // series, flavour
    for (const auto& image : images) {
      KernelPackages kernel = named_after(image, *suite, *catalog);
      if (seen.emplace(series_of(kernel.release), kernel.flavour).second)
        kernels.push_back(std::move(kernel));
    }
  }
  return kernels;
}

}  // namespace crashpath
