#pragma once

// A check: a pure function from evidence to a result. One C++ file per check (or close family of checks) in
// crashpaths/ and memreserve/; a register_*(CheckRegistry&) function per room, called by cli.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "harness/base/result.h"
#include "harness/evidence/evidence.h"
#include "harness/evidence/stage.h"
#include "harness/trial/memory_witness.h"

namespace crashpath {

struct CheckResult {
  Outcome outcome =
      Outcome::fail;  ///< pass, fail or skip; error, given by judge(), where the check itself broke
  std::string expected;
  std::string got;       ///< for a skip: the reason
  std::string evidence;  ///< the file (and line, or address) that shows it, relative to the trial's directory

  static CheckResult pass(std::string expected, std::string got, std::string_view evidence);
  static CheckResult fail(std::string expected, std::string got, std::string_view evidence);
  static CheckResult skip(std::string reason);
};

using ParameterValue = std::variant<bool, std::int64_t, std::string, std::vector<std::string>>;
/// What a scenario's [[expect]] gives a check besides its name.
using CheckParameters = std::map<std::string, ParameterValue, std::less<>>;

/// The value of a check's parameter, or none when the scenario does not give it.
template <class T>
std::optional<T> parameter(const CheckParameters& parameters, std::string_view name) {
  const auto found = parameters.find(name);
  if (found == parameters.end()) return std::nullopt;
  return std::get<T>(found->second);
}

struct ParameterSpec {
  std::string name;
  std::string help;
  ParameterValue example;  ///< its alternative is the type that is asked for
  bool required = false;
};

struct Check {
  std::string name;     ///< "vmcore.pages-match-memory"
  std::string summary;  ///< one line for `crashpath list checks`
  std::vector<ParameterSpec> parameters = {};
  /// Reads evidence only. An error of this function (evidence missing or unreadable) is counted as a failed
  /// check; one of fault `lacks` as skipped, with its words as the reason.
  std::function<Result<CheckResult>(const Evidence&, const CheckParameters&)> run = {};
};

/// What scenarios may name: checks, and the memory witnesses that save what some of them read.
class CheckRegistry {
 public:
  void add(Check check);            ///< a second check of one name is a bug: throws std::logic_error
  void add(MemoryWitness witness);  ///< the same
  const Check* find(std::string_view name) const;
  /// By name, or every check of a family for "family.*", in the order of registration.
  std::vector<const Check*> match(std::string_view pattern) const;
  const std::vector<Check>& all() const { return checks_; }
  const MemoryWitness* find_witness(std::string_view name) const;
  const std::vector<MemoryWitness>& witnesses() const { return witnesses_; }

 private:
  std::vector<Check> checks_;
  std::vector<MemoryWitness> witnesses_;
};

}  // namespace crashpath
