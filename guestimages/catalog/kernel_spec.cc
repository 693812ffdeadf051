#include "guestimages/catalog/kernel_spec.h"

#include <fmt/format.h>

#include <regex>

namespace crashpath {
namespace {

constexpr std::string_view accepted =
    "a series (6.12, 7.x), a series and flavour (6.12-rt, 6.12-cloud, 6.12-16k), a package "
    "(linux-image-6.12.95+deb12-arm64, also with =VERSION), or a path with a slash in it "
    "(./Image, with :modules=DIR and :config=FILE behind it when there are any); several with commas between";

Error refused(std::string_view text, std::string_view why) {
  return Error::usage(fmt::format("--kernel {}: {}", text, why))
      .with_hint(fmt::format("accepted: {}", accepted));
}

/// Takes ":KEY=VALUE" off the end of a path specification, if it is there.
std::string take_option(std::string& text, std::string_view key) {
  const std::string marker = fmt::format(":{}=", key);
  const size_t begin = text.find(marker);
  if (begin == std::string::npos) return {};
  const size_t value = begin + marker.size();
  // The value ends where the other option begins: a path may have colons of its own.
  const size_t end = std::min(text.find(":modules=", value), text.find(":config=", value));
  std::string taken = text.substr(value, end == std::string::npos ? end : end - value);
  text.erase(begin, end == std::string::npos ? end : end - begin);
  return taken;
}

Result<KernelSpec> parse_path(KernelSpec spec) {
  std::string rest = spec.text;
  spec.kind = KernelSpec::Kind::path;
  const auto absolute = [](const std::string& path) {
    return path.empty() ? std::filesystem::path() : std::filesystem::absolute(path).lexically_normal();
  };
  spec.modules = absolute(take_option(rest, "modules"));
  spec.config = absolute(take_option(rest, "config"));
  spec.image = absolute(rest);
  std::error_code code;
  for (const auto& file : {spec.image, spec.config})
    if (!file.empty() && !std::filesystem::is_regular_file(file, code))
      return refused(spec.text, fmt::format("there is no file {}", file.native()));
  if (!spec.modules.empty() && !std::filesystem::is_directory(spec.modules, code))
    return refused(spec.text, fmt::format("there is no directory {}", spec.modules.native()));
  return spec;
}

Result<KernelSpec> parse_one(const std::string& text) {
  static const std::regex series_form(R"(([0-9]+\.([0-9]+|x))(-([a-z0-9]+))?)");
  static const std::regex package_form(R"((linux-image-[a-z0-9.+-]+)(=([A-Za-z0-9.+:~-]+))?)");
  KernelSpec spec;
  spec.text = text;
  std::smatch match;
  if (text.find('/') != std::string::npos) return parse_path(std::move(spec));
  if (std::regex_match(text, match, series_form)) {
    spec.series = match[1];
    spec.flavour = match[4];
    return spec;
  }
  if (std::regex_match(text, match, package_form)) {
    spec.kind = KernelSpec::Kind::package;
    spec.package = match[1];
    spec.version = match[3];
    return spec;
  }
  return refused(text, text.empty() ? "an empty kernel" : "not understood");
}

}  // namespace

Result<std::vector<KernelSpec>> parse_kernel_specs(std::string_view list) {
  std::vector<KernelSpec> specs;
  for (;;) {
    const size_t comma = list.find(',');
    specs.push_back(CP_TRY(parse_one(std::string(list.substr(0, comma)))));
    if (comma == std::string_view::npos) return specs;
    list.remove_prefix(comma + 1);
  }
}

bool is_of_series(std::string_view version, std::string_view series) {
  const bool any_minor = series.ends_with(".x");
  if (any_minor) series.remove_suffix(1);  // "7."
  if (!version.starts_with(series)) return false;
  if (any_minor) return true;
  version.remove_prefix(series.size());
  return version.empty() || version.front() < '0' || version.front() > '9';
}

}  // namespace crashpath
