#pragma once

// A private root for apt: its own sources, lists and (empty) package status for one architecture, apart from
// the machine's. No root needed, and all of apt's signature checks at work.

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "guestimages/fetch/mirror.h"
#include "guestimages/fetch/package.h"
#include "harness/base/result.h"
#include "harness/process/command.h"

namespace crashpath {

struct AptOptions {
  std::filesystem::path directory;  ///< the root; made when it is not there
  std::string architecture;         ///< Debian's name
  Mirror mirror;
  std::filesystem::path keyring;  ///< the only keys whose signatures are accepted
  std::chrono::seconds timeout;   ///< for the mirror to answer, each of two times
};

class AptRoot {
 public:
  /// Writes the configuration. A host error when the directory cannot be written.
  static Result<AptRoot> open(AptOptions options);

  /// Gets the lists of a suite unless they are younger than a day. With `always`, gets them again. A host
  /// error with a hint when the mirror does not answer, does not have the suite, or its signature or date is
  /// not accepted.
  Result<> update(const std::string& suite, bool always);
  /// Whether there are lists of this suite and mirror, however old.
  bool has_lists(const std::string& suite) const;

  /// Whether an update failed because the mirror did not answer at all.
  bool is_unreachable() const { return unreachable_; }

  /// Names of all packages that begin with `prefix`.
  Result<std::vector<std::string>> names(const std::string& suite, const std::string& prefix) const;
  /// What the suite says of these packages, newest version each ("name") or a certain one ("name=version").
  /// Those that it does not have are left out.
  Result<std::vector<Package>> show(const std::string& suite, const std::vector<std::string>& names) const;
  /// What each of these packages depends on directly, by name; alternatives and packages that the suite does
  /// not have included.
  Result<std::map<std::string, std::vector<std::string>>> depends(
      const std::string& suite, const std::vector<std::string>& names) const;
  /// These packages and all that they need, as apt resolves it for a system with nothing installed.
  Result<std::vector<Package>> closure(const std::string& suite,
                                       const std::vector<std::string>& packages) const;

  /// Downloads and verifies package files of one suite into `directory`, each as its file_name().
  Result<> download(const std::vector<Package>& packages, const std::filesystem::path& directory) const;

  const AptOptions& options() const { return options_; }

 private:
  explicit AptRoot(AptOptions options) : options_(std::move(options)) {}
  Command apt(std::vector<std::string> argv, const std::string& suite) const;
  std::filesystem::path source_list(const std::string& suite) const;
  std::string source_line(const std::string& suite) const;

  AptOptions options_;
  bool unreachable_ = false;
};

/// Debian's archive keyring of this machine; a host error with a hint when it is not installed.
Result<std::filesystem::path> archive_keyring();

}  // namespace crashpath
