#include "cli/context.h"

#include <fmt/format.h>

#include <algorithm>

#include "crashpaths/checks/checks.h"
#include "harness/base/file.h"
#include "harness/base/paths.h"
#include "memreserve/checks.h"

namespace crashpath {

Result<Context> load_context() {
  Context context;
  register_crashpath_checks(context.checks);
  register_memreserve_checks(context.checks);
  const auto file = data_directory() / "known-issues.toml";
  context.known_issues = CP_TRY(parse_known_issues(CP_TRY(read_file(file)), file, today()));
  return context;
}

Result<Context> load_context_with_scenarios(const std::vector<std::filesystem::path>& directories,
                                            bool with_own) {
  Context context = CP_TRY(load_context());
  std::vector<std::filesystem::path> all;
  if (with_own) all.insert(all.end(), {data_directory() / "crashpaths", data_directory() / "memreserve"});
  all.insert(all.end(), directories.begin(), directories.end());
  context.scenarios = CP_TRY(load_scenarios(all, context.checks));
  return context;
}

Result<std::vector<const Architecture*>> choose_architectures(const std::vector<std::string>& names) {
  std::vector<const Architecture*> chosen;
  for (const auto& name : names) {
    const Architecture* architecture = find_architecture(name);
    if (architecture == nullptr)
      return Error::usage(fmt::format("unknown architecture \"{}\"", name))
          .with_hint("arm64 and pseries are known");
    chosen.push_back(architecture);
  }
  if (chosen.empty())
    for (const auto& architecture : architectures()) chosen.push_back(&architecture);
  return chosen;
}

std::vector<const Scenario*> choose_scenarios(const std::vector<Scenario>& scenarios,
                                              const std::vector<std::string>& globs) {
  std::vector<const Scenario*> chosen;
  for (const auto& scenario : scenarios) {
    const bool wanted = globs.empty() ? scenario.is_default
                                      : std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
                                          return matches_glob(glob, scenario.name);
                                        });
    if (wanted) chosen.push_back(&scenario);
  }
  return chosen;
}

}  // namespace crashpath
