#include "harness/machine/libvirt/uri.h"

#include <fmt/format.h>

namespace crashpath::libvirt {
namespace {

constexpr std::string_view kEmbedded = "qemu:///embed";

/// Value of a parameter behind "?", as it stands there.
std::string_view parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view one = query.substr(0, end);
    if (one.starts_with(name) && one.size() > name.size() && one[name.size()] == '=')
      return one.substr(name.size() + 1);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
  }
  return {};
}

}  // namespace

Result<Uri> parse_uri(std::string_view text) {
  if (text.empty()) text = kEmbedded;
  const auto slashes = text.find("://");
  const std::string_view scheme = text.substr(0, slashes);
  if (slashes == std::string_view::npos || (scheme != "qemu" && !scheme.starts_with("qemu+")))
    return Error::usage(fmt::format("\"{}\" is no URI of libvirt's QEMU driver", text))
        .with_hint("qemu:///embed, qemu:///system, qemu:///session or qemu+ssh://HOST/system");
  const std::string_view rest = text.substr(slashes + 3);
  const std::string_view host = rest.substr(0, rest.find('/'));
  const auto question = rest.find('?');
  const std::string_view path = rest.substr(
      host.size(), question == std::string_view::npos ? std::string_view::npos : question - host.size());
  Uri uri{.text = std::string(text)};
  uri.local = host.empty() && (scheme == "qemu" || scheme == "qemu+unix");
  uri.embedded = uri.local && path == "/embed";
  if (!uri.embedded && path != "/system" && path != "/session")
    return Error::usage(fmt::format("\"{}\" names neither /embed nor /system nor /session", text));
  if (!uri.embedded) return uri;
  uri.root = question == std::string_view::npos ? "" : parameter(rest.substr(question + 1), "root");
  if (!uri.root.empty() && !uri.root.is_absolute())
    return Error::usage(fmt::format("\"{}\": root has to be an absolute path", text));
  return uri;
}

}  // namespace crashpath::libvirt
