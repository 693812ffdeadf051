#include "guestimages/guest_kernel.h"

#include <fmt/format.h>

#include <boost/algorithm/string/trim.hpp>

#include "guestimages/fetch/deb.h"
#include "guestimages/fetch/package_tree.h"
#include "guestimages/initramfs/kernel_modules.h"
#include "harness/process/command.h"

namespace crashpath {
namespace {

/// "Linux version RELEASE (" in the kernel's own bytes.
Result<std::string> release_in(const std::filesystem::path& image) {
  const std::string bytes = CP_TRY(read_decompressed(image));
  constexpr std::string_view banner = "Linux version ";
  for (size_t at = bytes.find(banner); at != std::string::npos; at = bytes.find(banner, at + 1)) {
    const size_t begin = at + banner.size();
    const std::string release = bytes.substr(begin, bytes.find_first_of(" \n", begin) - begin);
    // The format string "Linux version %s" is there as well.
    if (!release.empty() && release.front() >= '0' && release.front() <= '9' && release.size() < 65)
      return release;
  }
  return Error::usage(fmt::format("{} does not say which release of Linux it is", image.native()))
      .with_hint("name its modules: PATH:modules=DIR, where DIR is lib/modules/RELEASE");
}

Result<GuestKernel> own_kernel(const KernelSpec& spec, const Architecture& architecture) {
  GuestKernel kernel{.architecture = &architecture,
                     .spec = spec,
                     .packages = {},
                     .image = spec.image,
                     .config = spec.config,
                     .modules = spec.modules};
  if (spec.modules.empty()) {
    kernel.packages.release = CP_TRY(release_in(spec.image));
  } else {
    kernel.packages.release = spec.modules.filename();
    if (!std::filesystem::exists(spec.modules / "modules.dep"))
      return Error::usage(fmt::format("{} has no modules.dep", spec.modules.native()))
          .with_hint("name lib/modules/RELEASE as `make modules_install` leaves it");
  }
  return kernel;
}

/// The first of these files that is there, or empty.
std::filesystem::path first_of(std::initializer_list<std::filesystem::path> files) {
  std::error_code code;
  for (const auto& file : files)
    if (std::filesystem::is_regular_file(file, code)) return file;
  return {};
}

}  // namespace

Result<GuestKernel> fetch_kernel(const KernelSpec& spec, const Architecture& architecture,
                                 const Catalog& catalog, const ArchiveOptions& options) {
  if (spec.kind == KernelSpec::Kind::path) return own_kernel(spec, architecture);
  const std::string debian_architecture(architecture.debian_architecture);
  std::string release;
  const auto ask = [&](Archive& archive) -> Result<std::vector<Package>> {
    KernelPackages kernel = CP_TRY(resolve_kernel(archive, spec));
    release = kernel.release;
    return std::move(kernel.packages);
  };
  const auto finish = [&](Archive&, const std::filesystem::path& root) {
    options.say(fmt::format("indexing the modules of {}", release));
    return run_depmod(root, release);
  };
  const PackageTree tree = CP_TRY(get_package_tree({.architecture = debian_architecture,
                                                    .text = fmt::format("kernel {}", spec.text),
                                                    .ask = ask,
                                                    .finish = finish},
                                                   catalog, options));
  GuestKernel kernel{.architecture = &architecture,
                     .spec = spec,
                     .packages = CP_TRY(kernel_of(tree.packages, catalog, debian_architecture)),
                     .image = {},
                     .config = {},
                     .modules = {}};
  release = kernel.packages.release;
  kernel.modules = modules_directory(tree.root, release);
  // Up to 6.19 in /boot; from 7.0 on beside the modules, under the same name whatever its format.
  kernel.image = first_of({tree.root / fmt::format("boot/{}-{}", architecture.kernel_image, release),
                           kernel.modules / "vmlinuz"});
  kernel.config = first_of({tree.root / fmt::format("boot/config-{}", release), kernel.modules / "config"});
  if (kernel.image.empty()) return Error::host(fmt::format("there is no kernel in {}", tree.root.native()));
  return kernel;
}

Result<KernelHeaders> fetch_headers(const GuestKernel& kernel, const Catalog& catalog,
                                    const ArchiveOptions& options) {
  if (kernel.packages.packages.empty())
    return Error::usage(fmt::format("--kernel {}: there are no headers packages of it", kernel.spec.text));
  const std::string host =
      boost::trim_copy(CP_TRY(command_output({.argv = {"dpkg", "--print-architecture"}})));
  const Suite& suite = *kernel.packages.suite;
  std::string kbuild;
  const auto ask = [&](Archive& archive) -> Result<std::vector<Package>> {
    auto headers = CP_TRY(header_packages(archive, kernel.packages));
    kbuild = CP_TRY(kbuild_package(archive, headers.front()));
    return headers;
  };
  const auto unpack_tools = [&](Archive& archive, const std::filesystem::path& root) -> Result<> {
    CP_TRY(archive.need(suite));
    const auto tools = CP_TRY(archive.apt().show(suite.name, {kbuild}));
    if (tools.empty()) return Error::host(fmt::format("{} has no {} for {}", suite.name, kbuild, host));
    return unpack_deb(CP_TRY(archive.files({tools.front()})).front(), root);
  };
  const auto finish = [&](Archive& archive, const std::filesystem::path& root) -> Result<> {
    if (host == archive.architecture()) return unpack_tools(archive, root);
    Archive host_archive = CP_TRY(Archive::open(catalog, host, options));
    return unpack_tools(host_archive, root);
  };
  const Package& image = kernel.packages.packages.front();
  const PackageTree tree = CP_TRY(get_package_tree(
      {.architecture = std::string(kernel.architecture->debian_architecture),
       .text = fmt::format("headers of {} {} of {} on {}", image.name, image.version, image.suite, host),
       .ask = ask,
       .finish = finish},
      catalog, options));
  return KernelHeaders{.root = tree.root,
                       .release = kernel.packages.release,
                       .package_version = tree.packages.front().version,
                       .suite = suite.name};
}

}  // namespace crashpath
