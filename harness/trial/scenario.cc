#include "harness/trial/scenario.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <map>

#include "harness/base/file.h"

namespace crashpath {
namespace {

namespace fs = std::filesystem;

Result<std::vector<fs::path>> scenario_files(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code code;
  for (fs::recursive_directory_iterator at(directory, code), end; !code && at != end; at.increment(code))
    if (at->path().extension() == ".toml" && at->is_regular_file(code)) files.push_back(at->path());
  if (code)
    return Error::usage(fmt::format("cannot read scenarios in {}: {}", directory.native(), code.message()));
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

bool Scenario::supports(const Architecture& architecture) const {
  return std::find(architectures.begin(), architectures.end(), architecture.name) != architectures.end();
}

bool matches_glob(std::string_view glob, std::string_view name) {
  return ::fnmatch(std::string(glob).c_str(), std::string(name).c_str(), 0) == 0;
}

Result<std::vector<Scenario>> load_scenarios(const std::vector<fs::path>& directories,
                                             const CheckRegistry& registry) {
  std::map<std::string, Scenario> by_name;
  for (const auto& directory : directories)
    for (const auto& file : CP_TRY(scenario_files(directory))) {
      Scenario scenario = CP_TRY(parse_scenario(CP_TRY(read_file(file)), file, registry));
      const std::string name = scenario.name;
      const auto [there, added] = by_name.try_emplace(name, std::move(scenario));
      if (!added && !fs::equivalent(there->second.file, file))
        return Error::usage(fmt::format("two scenarios are named {}: {} and {}", name,
                                        there->second.file.native(), file.native()));
    }
  std::vector<Scenario> all;
  for (auto& [name, scenario] : by_name) all.push_back(std::move(scenario));
  return all;
}

}  // namespace crashpath
