#pragma once

// `--plan FILE`: a TOML file that says what a run consists of. docs/scenarios.md.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "harness/plan/plan.h"

namespace crashpath {

/// [[trials]]: names only; whoever runs the plan finds scenarios and makes images for them.
struct PlanEntry {
  std::vector<std::string> architectures;  ///< all when left out
  std::vector<std::string> kernels;        ///< as --kernel takes them; empty: the default
  std::vector<std::string> scenarios;      ///< globs
  std::vector<NamedMachine> machines;      ///< at least one
  int repeat = 1;
};

/// Strict, as scenario files are: usage errors name file, line and column.
Result<std::vector<PlanEntry>> parse_plan(std::string_view text, const std::filesystem::path& file);

}  // namespace crashpath
