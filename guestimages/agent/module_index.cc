#include "guestimages/agent/module_index.h"

#include <fmt/format.h>
#include <boost/algorithm/string.hpp>

#include <algorithm>

namespace crashpath {
namespace {

std::vector<std::string> split(std::string_view text, const char* separators) {
  std::vector<std::string> parts;
  boost::algorithm::split(parts, text, boost::is_any_of(separators), boost::token_compress_on);
  std::erase(parts, "");
  return parts;
}

}  // namespace

std::string module_name(std::string_view file) {
  std::string_view base = file.substr(file.rfind('/') + 1);
  base = base.substr(0, base.find(".ko"));
  std::string name(base);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

ModuleIndex::ModuleIndex(std::string_view modules_dep, std::string_view modules_builtin) {
  for (const std::string& line : split(modules_dep, "\n")) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string file = line.substr(0, colon);
    files_[module_name(file)] = file;
    dependencies_[file] = split(std::string_view(line).substr(colon + 1), " \t");
  }
  for (const std::string& file : split(modules_builtin, "\n")) builtin_.insert(module_name(file));
}

Result<std::vector<std::string>> ModuleIndex::load_order(std::string_view name) const {
  const std::string wanted = module_name(name);
  if (builtin_.contains(wanted)) return std::vector<std::string>{};
  const auto file = files_.find(wanted);
  if (file == files_.end()) return Error::guest(fmt::format("there is no module {} in modules.dep", name));
  std::set<std::string> seen;
  std::vector<std::string> order;
  add_in_order(file->second, seen, order);
  return order;
}

void ModuleIndex::add_in_order(const std::string& file, std::set<std::string>& seen,
                               std::vector<std::string>& order) const {
  if (!seen.insert(file).second) return;
  if (const auto found = dependencies_.find(file); found != dependencies_.end())
    for (const std::string& dependency : found->second) add_in_order(dependency, seen, order);
  order.push_back(file);
}

}  // namespace crashpath
