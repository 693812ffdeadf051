#pragma once

// Binary packages as the archive describes them.

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace crashpath {

struct Package {
  std::string name;
  std::string version;
  std::string architecture;  ///< "arm64", "all"
  std::string section;       ///< "libs", "kernel"
  std::string suite;         ///< whose index it was found in
  std::string sha256;        ///< of the package file, from the signed index
  std::uint64_t size = 0;    ///< of the package file, bytes

  /// "NAME_VERSION_ARCHITECTURE.deb", with a colon as %3a: what apt calls the file.
  std::string file_name() const;
};

/// The stanzas of `apt-cache show`. Stanzas without a name or version are left out.
std::vector<Package> parse_packages(std::string_view show_output, std::string_view suite);

/// For provenance and for resolved.h: an object with the members' names.
void tag_invoke(boost::json::value_from_tag, boost::json::value& value, const Package& package);
/// Throws when a member is missing or of another type.
Package tag_invoke(boost::json::value_to_tag<Package>, const boost::json::value& value);

}  // namespace crashpath
