#include "harness/trial/exhibits.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/file.h"
#include "harness/evidence/directory.h"

namespace crashpath {

namespace {

Exhibit apology(const Error& error) {
  return {.text = fmt::format("!! cannot be shown: {}\n", error.message()),
          .json = {{"error", error.message()}}};
}

}  // namespace

Result<> write_exhibits(const std::vector<MemoryWitness>& witnesses, const std::filesystem::path& directory) {
  const Evidence evidence(directory);
  for (const MemoryWitness& witness : witnesses) {
    if (!witness.exhibit) continue;
    const auto made = witness.exhibit(evidence);
    const Exhibit exhibit = made ? *made : apology(made.error());
    CP_TRY(write_file(directory / evidence_file::exhibit_text(witness.name), exhibit.text));
    CP_TRY(write_file(directory / evidence_file::exhibit_json(witness.name),
                      boost::json::serialize(exhibit.json) + "\n"));
  }
  return {};
}

std::vector<std::string> find_exhibits(const std::filesystem::path& directory) {
  const std::string begin = evidence_file::exhibit_json(""), end = ".json";
  const std::string_view prefix = std::string_view(begin).substr(0, begin.size() - end.size());
  std::vector<std::string> names;
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(directory, code)) {
    const std::string file = entry.path().filename();
    if (file.size() > begin.size() && file.starts_with(prefix) && file.ends_with(end))
      names.push_back(file.substr(prefix.size(), file.size() - begin.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace crashpath
