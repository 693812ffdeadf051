#pragma once

#include <string>

#include "harness/trial/known_issues.h"
#include "harness/trial/verdict.h"

namespace crashpath {

/// What a known issue is looked up by.
struct TrialIdentity {
  std::string scenario;
  std::string architecture;
  std::string kernel_release;
};

/// Turns fail into xfail and pass into xpass where a known issue says so. One that has expired changes
/// nothing, but is named in the words of the failure that it would have excused.
void excuse(Verdict& verdict, const TrialIdentity& identity, const KnownIssues& known_issues);

}  // namespace crashpath
