#include "guestimages/image.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <boost/json.hpp>

#include "guestimages/fetch/userland.h"
#include "guestimages/initramfs/initramfs.h"
#include "harness/base/file.h"
#include "harness/base/scratch_directory.h"
#include "harness/process/command.h"

namespace crashpath {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

/// Everything that makes an image, before it is written.
struct Content {
  CpioTree base;
  json::array packages;
  std::string key;
};

std::string hash_of(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

/// SHA-256 of the files, by the name they have in `named`.
Result<json::object> sha256_of(const std::map<std::string, fs::path>& named) {
  std::vector<std::string> argv = {"sha256sum", "--zero", "--"};
  for (const auto& [name, file] : named) argv.push_back(file.native());
  const std::string out = CP_TRY(command_output({.argv = std::move(argv)}));
  json::object sums;  // each "SUM  FILE\0", in the order of the arguments
  size_t at = 0;
  for (const auto& [name, file] : named) {
    sums[name] = out.substr(at, 64);
    at = out.find('\0', at) + 1;
  }
  return sums;
}

Result<Content> collect(const GuestKernel& kernel, const Catalog& catalog, const ImageOptions& options) {
  const PackageTree userland =
      CP_TRY(fetch_userland(catalog, std::string(kernel.architecture->debian_architecture), options.archive));
  Content content{.base = CP_TRY(base_initramfs({.architecture = kernel.architecture,
                                                 .userland = &catalog.userland,
                                                 .packages = userland.root,
                                                 .agent = options.agent,
                                                 .release = kernel.packages.release,
                                                 .modules = kernel.modules})),
                  .packages = json::value_from(kernel.packages.packages).as_array(),
                  .key = {}};
  for (const auto& package : userland.packages) content.packages.push_back(json::value_from(package));
  std::string hashes = hash_of(CP_TRY(content.base.to_bytes())) + hash_of(CP_TRY(read_file(kernel.image))) +
                       hash_of(json::serialize(content.packages));
  if (!kernel.config.empty()) hashes += hash_of(CP_TRY(read_file(kernel.config)));
  for (const auto& [name, file] : options.probes) hashes += name + hash_of(CP_TRY(read_file(file)));
  content.key = hash_of(hashes).substr(0, 16);
  return content;
}

/// Writes the files of an image into a directory.
Result<> write_image(const fs::path& directory, const GuestKernel& kernel, Content content,
                     const ImageOptions& options) {
  const auto first_kernel = [&](std::string base, const std::string& capture) -> Result<std::string> {
    const CpioTree second_archive =
        CP_TRY(first_kernel_initramfs(kernel.image, capture, kernel.packages.release, options.probes));
    return std::move(base) + CP_TRY(second_archive.to_bytes());
  };
  CP_TRY(write_file(directory / "kernel", CP_TRY(read_file(kernel.image))));
  if (!kernel.config.empty()) CP_TRY(write_file(directory / "config", CP_TRY(read_file(kernel.config))));
  const std::string base = CP_TRY(content.base.to_bytes());
  CP_TRY(write_file(directory / "initramfs", CP_TRY(first_kernel(base, base))));
  content.base.remove("init");
  const std::string headless = CP_TRY(content.base.to_bytes());
  CP_TRY(write_file(directory / "initramfs-broken", CP_TRY(first_kernel(base, headless))));

  std::map<std::string, fs::path> named = {{"agent", options.agent}};
  for (const auto& entry : fs::directory_iterator(directory))
    named.emplace(entry.path().filename(), entry.path());
  for (const auto& [name, file] : options.probes) named.emplace("probe " + name, file);
  const json::object provenance = {{"packages", content.packages}, {"sha256", CP_TRY(sha256_of(named))}};
  return write_file(directory / "provenance.json", json::serialize(provenance));
}

}  // namespace

Result<GuestImage> make_guest_image(const GuestKernel& kernel, const Catalog& catalog,
                                    const ImageOptions& options) {
  Content content = CP_TRY(collect(kernel, catalog, options));
  const fs::path parent = options.archive.cache / "images";
  const fs::path directory =
      parent / fmt::format("{}-{}-{}", kernel.architecture->name, kernel.packages.release, content.key);
  if (!fs::is_directory(directory)) {
    options.archive.say(fmt::format("assembling {}", directory.filename().native()));
    ScratchDirectory scratch = CP_TRY(ScratchDirectory::make(parent));
    CP_TRY(write_image(scratch.path(), kernel, std::move(content), options));
    CP_TRY(scratch.rename_to(directory));
  }
  GuestImage image;
  image.architecture = kernel.architecture;
  image.kernel_release = kernel.packages.release;
  image.kernel_flavour = kernel.packages.flavour;
  image.kernel_spec = kernel.spec.text;
  if (!kernel.packages.packages.empty()) {
    image.kernel_package = kernel.packages.packages.front().name;
    image.kernel_version = kernel.packages.packages.front().version;
  }
  image.kernel = directory / "kernel";
  if (!kernel.config.empty()) image.config = directory / "config";
  image.initramfs = directory / "initramfs";
  image.initramfs_broken = directory / "initramfs-broken";
  for (const auto& [name, file] : options.probes) image.probes.push_back(name);
  image.provenance = json::parse(CP_TRY(read_file(directory / "provenance.json"))).as_object();
  return image;
}

Result<GuestImage> make_guest_image(const KernelSpec& spec, const Architecture& architecture,
                                    const ImageOptions& options) {
  const Catalog catalog = CP_TRY(load_catalog());
  return make_guest_image(CP_TRY(fetch_kernel(spec, architecture, catalog, options.archive)), catalog,
                          options);
}

Result<std::vector<CachedImage>> show_images(const fs::path& cache) {
  std::vector<CachedImage> images;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(cache / "images", code)) {
    const std::string name = entry.path().filename();
    const size_t architecture_end = name.find('-');
    const size_t release_end = name.rfind('-');
    if (name.starts_with('.') || architecture_end >= release_end) continue;
    CachedImage image{.directory = entry.path(),
                      .architecture = name.substr(0, architecture_end),
                      .kernel_release = name.substr(architecture_end + 1, release_end - architecture_end - 1),
                      .size = 0};
    for (const auto& file : fs::directory_iterator(entry.path(), code)) image.size += file.file_size(code);
    images.push_back(std::move(image));
  }
  std::sort(images.begin(), images.end(),
            [](const auto& a, const auto& b) { return a.directory < b.directory; });
  return images;
}

Result<std::vector<KernelOffer>> list_kernels(const Architecture& architecture, const Catalog& catalog,
                                              const ArchiveOptions& options) {
  Archive archive = CP_TRY(Archive::open(catalog, std::string(architecture.debian_architecture), options));
  std::vector<KernelOffer> offers;
  for (const auto& kernel : CP_TRY(list_kernel_packages(archive))) {
    const Package& image = kernel.packages.front();
    const Flavour* flavour = catalog.find_kernels(image.architecture)->flavour_of(image.name);
    offers.push_back({.architecture = std::string(architecture.name),
                      .series = series_of(kernel.release),
                      .flavour = flavour->name,
                      .suite = kernel.suite->name,
                      .package = image.name,
                      .version = image.version});
  }
  return offers;
}

}  // namespace crashpath
