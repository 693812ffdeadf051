#pragma once

// Known issues: data that says which failures of which kernels are expected, why, and until when. A failure
// that matches one is an xfail; a pass where one says that it fails is an xpass. Format:
// docs/results.md.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/evidence/stage.h"

namespace crashpath {

/// A calendar day as "2030-01-31": ISO dates sort as text.
using IsoDate = std::string;

struct KnownIssue {
  std::string scenario;         ///< glob, "panic.*"
  std::string architecture;     ///< empty: every one
  std::string kernel = "*";     ///< glob of the first kernel's release, "6.12.*"
  Stage stage = Stage::verify;  ///< where it ends
  std::string
      words;  ///< ECMAScript regex searched in the verdict's words and in what failed checks got; empty: any
  std::vector<std::string> checks;  ///< globs: every failed check must match one; empty: any
  bool sometimes = false;           ///< it does not always fail: a pass is a pass
  std::string reason;
  std::string link;
  IsoDate expires;  ///< last day on which it excuses
};

struct KnownIssues {
  std::vector<KnownIssue> issues;
  IsoDate today;
};

/// Today in UTC.
IsoDate today();

Result<KnownIssues> parse_known_issues(std::string_view text, const std::filesystem::path& file,
                                       IsoDate today);

}  // namespace crashpath
