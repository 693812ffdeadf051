#include "guestimages/fetch/package_tree.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <chrono>
#include <cstdlib>
#include <optional>

#include "harness/base/file.h"

namespace crashpath {
namespace {

namespace fs = std::filesystem;

/// CACHE/answers/HASH.json: the question and the packages that were the answer.
fs::path answer_file(const std::string& question, const fs::path& cache) {
  return cache / "answers" / fmt::format("{:016x}.json", XXH3_64bits(question.data(), question.size()));
}

/// The question with what else decides which archive is asked.
std::string whole_question(const PackageQuestion& question, const ArchiveOptions& options) {
  const char* mirror = std::getenv("CRASHPATH_MIRROR");
  return fmt::format("{} {} mirror={} {} keyring={} host={}", question.architecture, question.text,
                     options.mirror, mirror != nullptr ? mirror : "", options.keyring.native(),
                     host_release());
}

/// The packages that answered this question less than a day ago. Anything wrong with the file is no answer.
std::optional<std::vector<Package>> recall(const std::string& question, const fs::path& cache) {
  const fs::path file = answer_file(question, cache);
  std::error_code code;
  const auto written = fs::last_write_time(file, code);
  if (code || fs::file_time_type::clock::now() - written > std::chrono::hours(24)) return std::nullopt;
  const auto text = read_file(file);
  if (!text) return std::nullopt;
  try {
    const auto answer = boost::json::parse(*text);
    if (answer.at("question").as_string() != question) return std::nullopt;
    return boost::json::value_to<std::vector<Package>>(answer.at("packages"));
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

Result<> remember(const std::string& question, const std::vector<Package>& packages, const fs::path& cache) {
  const fs::path file = answer_file(question, cache);
  CP_TRY(make_directories(file.parent_path()));
  const boost::json::object answer = {{"question", question},
                                      {"packages", boost::json::value_from(packages)}};
  return write_file(file, boost::json::serialize(answer));
}

}  // namespace

Result<PackageTree> get_package_tree(const PackageQuestion& question, const Catalog& catalog,
                                     const ArchiveOptions& options) {
  const std::string text = whole_question(question, options);
  if (!options.update) {
    auto packages = recall(text, options.cache);
    if (packages && !packages->empty()) {
      const fs::path root = unpacked_directory(options.cache, *packages);
      std::error_code code;
      if (fs::is_directory(root, code)) return PackageTree{*std::move(packages), root};
    }
  }
  Archive archive = CP_TRY(Archive::open(catalog, question.architecture, options));
  PackageTree tree{.packages = CP_TRY(question.ask(archive)), .root = {}};
  tree.root = CP_TRY(
      archive.unpacked(tree.packages, [&](const fs::path& root) { return question.finish(archive, root); }));
  CP_TRY(remember(text, tree.packages, options.cache));
  return tree;
}

}  // namespace crashpath
