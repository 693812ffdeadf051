#include "guestimages/fetch/package.h"

#include <fmt/format.h>

#include <boost/algorithm/string.hpp>
#include <charconv>

namespace crashpath {

std::string Package::file_name() const {
  return fmt::format("{}_{}_{}.deb", name, boost::replace_all_copy(version, ":", "%3a"), architecture);
}

std::vector<Package> parse_packages(std::string_view show_output, std::string_view suite) {
  std::vector<Package> packages;
  Package package;
  const auto finish = [&] {
    package.suite = suite;
    if (!package.name.empty() && !package.version.empty()) packages.push_back(package);
    package = {};
  };
  std::vector<std::string> lines;
  boost::split(lines, show_output, [](char c) { return c == '\n'; });
  for (const auto& line : lines) {
    if (line.empty()) finish();
    const size_t colon = line.find(": ");
    if (colon == std::string::npos || line.front() == ' ') continue;
    const std::string key = line.substr(0, colon);
    const std::string value = line.substr(colon + 2);
    if (key == "Package") package.name = value;
    if (key == "Version") package.version = value;
    if (key == "Architecture") package.architecture = value;
    if (key == "Section") package.section = value;
    if (key == "SHA256") package.sha256 = value;
    if (key == "Size") std::from_chars(value.data(), value.data() + value.size(), package.size);
  }
  finish();
  return packages;
}

void tag_invoke(boost::json::value_from_tag, boost::json::value& value, const Package& package) {
  value = {{"name", package.name},       {"version", package.version}, {"architecture", package.architecture},
           {"section", package.section}, {"suite", package.suite},     {"sha256", package.sha256},
           {"size", package.size}};
}

Package tag_invoke(boost::json::value_to_tag<Package>, const boost::json::value& value) {
  const auto& object = value.as_object();
  const auto text = [&](const char* key) { return boost::json::value_to<std::string>(object.at(key)); };
  return {.name = text("name"),
          .version = text("version"),
          .architecture = text("architecture"),
          .section = text("section"),
          .suite = text("suite"),
          .sha256 = text("sha256"),
          .size = boost::json::value_to<std::uint64_t>(object.at("size"))};
}

}  // namespace crashpath
