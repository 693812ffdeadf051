#include "harness/trial/check.h"

#include <stdexcept>

namespace crashpath {

CheckResult CheckResult::pass(std::string expected, std::string got, std::string_view evidence) {
  return {Outcome::pass, std::move(expected), std::move(got), std::string(evidence)};
}

CheckResult CheckResult::fail(std::string expected, std::string got, std::string_view evidence) {
  return {Outcome::fail, std::move(expected), std::move(got), std::string(evidence)};
}

CheckResult CheckResult::skip(std::string reason) {
  return {Outcome::skip, "", std::move(reason), ""};
}

void CheckRegistry::add(Check check) {
  if (find(check.name) != nullptr) throw std::logic_error("two checks are named " + check.name);
  checks_.push_back(std::move(check));
}

void CheckRegistry::add(MemoryWitness witness) {
  if (find_witness(witness.name) != nullptr)
    throw std::logic_error("two memory witnesses are named " + witness.name);
  witnesses_.push_back(std::move(witness));
}

const MemoryWitness* CheckRegistry::find_witness(std::string_view name) const {
  for (const auto& witness : witnesses_)
    if (witness.name == name) return &witness;
  return nullptr;
}

const Check* CheckRegistry::find(std::string_view name) const {
  for (const auto& check : checks_)
    if (check.name == name) return &check;
  return nullptr;
}

std::vector<const Check*> CheckRegistry::match(std::string_view pattern) const {
  std::vector<const Check*> found;
  const bool family = pattern.ends_with(".*");
  const auto prefix = pattern.substr(0, pattern.size() - (family ? 1 : 0));  // with its dot
  for (const auto& check : checks_)
    if (family ? check.name.starts_with(prefix) : check.name == pattern) found.push_back(&check);
  return found;
}

}  // namespace crashpath
