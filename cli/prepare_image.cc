#include "cli/prepare_image.h"

#include <fmt/format.h>

#include <cstdlib>

#include "guestimages/fetch/mirror.h"
#include "guestimages/probes/build.h"
#include "harness/base/paths.h"

namespace crashpath {
namespace {

/// Where the build puts the agents; an installed crashpath says so by CRASHPATH_AGENT_DIR.
std::filesystem::path agent_of(const Architecture& architecture) {
  const char* directory = std::getenv("CRASHPATH_AGENT_DIR");
  return std::filesystem::path(directory != nullptr ? directory : CRASHPATH_BUILT_AGENT_DIR) /
         architecture.name / "crashpath-agent";
}

Result<ProbeSet> probes_for(const GuestKernel& kernel, const Catalog& catalog,
                            const ArchiveOptions& archive) {
  if (kernel.spec.kind == KernelSpec::Kind::path) return ProbeSet();
  const Mirror mirror = CP_TRY(find_mirror(catalog, archive.mirror));
  const ProbeBuild build{.architecture = kernel.architecture,
                         .headers = CP_TRY(fetch_headers(kernel, catalog, archive)),
                         .mirror = mirror.uri,
                         .sources = probe_sources(),
                         .cache = archive.cache,
                         .apt_settings = mirror.settings,
                         .say = archive.say};
  return build_probes(build, CP_TRY(list_probes(build.sources)));
}

}  // namespace

ArchiveOptions archive_options(const std::string& mirror) {
  ArchiveOptions options;
  options.cache = cache_directory();
  options.mirror = mirror;
  options.say = [](std::string_view line) { fmt::print(stderr, "{}\n", line); };
  return options;
}

std::string default_kernel(const Catalog& catalog) {
  return catalog.default_series;
}

Result<GuestImage> prepare_image(const KernelSpec& spec, const Architecture& architecture, bool with_probes,
                                 const ArchiveOptions& archive) {
  const Catalog catalog = CP_TRY(load_catalog());
  const GuestKernel kernel = CP_TRY(fetch_kernel(spec, architecture, catalog, archive));
  ImageOptions options{.archive = archive, .agent = agent_of(architecture), .probes = {}};
  if (with_probes) {
    const ProbeSet probes = CP_TRY(probes_for(kernel, catalog, archive));
    options.probes = probes.modules;
    for (const auto& [name, reason] : probes.reasons)
      // One that is for other kernels says so in these words; trials that need it are skipped with them.
      if (reason.find("#error \"needs ") == std::string::npos)
        archive.say(fmt::format("probe {} is left out of {}: {}", name, kernel.packages.release, reason));
  }
  return make_guest_image(kernel, catalog, options);
}

}  // namespace crashpath
