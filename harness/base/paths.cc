#include "harness/base/paths.h"

#include <cstdlib>

namespace crashpath {
namespace {

std::filesystem::path from_environment(const char* variable, const char* below_home) {
  if (const char* value = std::getenv(variable); value != nullptr && *value == '/') return value;
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home != nullptr ? home : "/") / below_home;
}

}  // namespace

std::filesystem::path cache_directory() {
  return from_environment("XDG_CACHE_HOME", ".cache") / "crashpath";
}
std::filesystem::path state_directory() {
  return from_environment("XDG_STATE_HOME", ".local/state") / "crashpath";
}
std::filesystem::path data_directory() {
  if (const char* value = std::getenv("CRASHPATH_DATA_DIR")) return value;
  return CRASHPATH_SOURCE_DIR;
}

}  // namespace crashpath
