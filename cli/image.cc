// crashpath image fetch|show: what the cache holds of guests.

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/errors.h"
#include "cli/prepare_image.h"
#include "cli/templates.h"
#include "harness/base/paths.h"

namespace crashpath {
namespace {

struct FetchOptions {
  std::vector<std::string> architectures;
  std::string kernels;
  std::string mirror;
  bool update = false;
};

Result<> fetch(const FetchOptions& options) {
  const auto specs = CP_TRY(
      parse_kernel_specs(options.kernels.empty() ? default_kernel(CP_TRY(load_catalog())) : options.kernels));
  ArchiveOptions archive = archive_options(options.mirror);
  archive.update = options.update;
  for (const Architecture* architecture : CP_TRY(choose_architectures(options.architectures))) {
    for (const KernelSpec& spec : specs) {
      const GuestImage image = CP_TRY(prepare_image(spec, *architecture, true, archive));
      fmt::print("{:8} {:28} {}\n", architecture->name, image.kernel_release,
                 image.kernel.parent_path().native());
    }
  }
  return {};
}

Result<> show() {
  std::uint64_t total = 0;
  for (const CachedImage& image : CP_TRY(show_images(cache_directory()))) {
    fmt::print("{:8} {:28} {:6} MiB  {}\n", image.architecture, image.kernel_release, image.size >> 20,
               image.directory.native());
    total += image.size;
  }
  fmt::print("{} MiB in images below {}\n", total >> 20, cache_directory().native());
  std::uint64_t templates = 0;
  for (const CachedTemplate& each : list_templates(templates_directory())) {
    fmt::print("template {:49} {:6} MiB  {}\n", each.directory.filename().native(), each.size >> 20,
               each.directory.native());
    templates += each.size;
  }
  fmt::print("{} MiB of {} MiB in templates below {}\n", templates >> 20, kTemplateLimit >> 20,
             templates_directory().native());
  return {};
}

}  // namespace

void add_image_command(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("image", "Kernels and userland in the cache");
  command->require_subcommand(1);

  auto options = std::make_shared<FetchOptions>();
  CLI::App* fetching =
      command->add_subcommand("fetch", "Fetch kernels and their headers, build probes, assemble images");
  fetching->add_option("--arch", options->architectures, "arm64, pseries (default: both)")->delimiter(',');
  fetching->add_option("--kernel", options->kernels, "kernels, as `crashpath run --kernel` takes them");
  fetching->add_option("--mirror", options->mirror, "Debian mirror (default: the one this machine uses)");
  fetching->add_flag("--update", options->update, "get package lists again, however young they are");
  fetching->callback([options, &status] {
    if (const auto result = fetch(*options); !result) status = report_error(result.error());
  });

  CLI::App* showing = command->add_subcommand("show", "List cached images with their sizes");
  showing->callback([&status] {
    if (const auto result = show(); !result) status = report_error(result.error());
  });
}

}  // namespace crashpath
