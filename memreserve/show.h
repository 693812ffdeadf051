#pragma once

// `crashpath memreserve show`: the witnesses side by side.

#include <boost/json.hpp>
#include <string>

#include "memreserve/compare.h"

namespace crashpath {

/// What show prints: the witnesses, and what the comparison made of them or why there is none.
struct MemreserveExhibit {
  std::string trial;  ///< its id
  Witnesses witnesses;
  Result<Comparison> comparison;

  bool agrees() const { return comparison && comparison->contradictions.empty(); }
};
/// An error where the evidence cannot be read, or is of a guest in which there is nothing to show.
Result<MemreserveExhibit> make_memreserve_exhibit(const Evidence& evidence);

/// At most 100 columns wide, in ASCII. Lines with a contradiction begin with "!!".
std::string to_text(const MemreserveExhibit& exhibit);
/// docs/memreserve.md has its members.
boost::json::object to_json(const MemreserveExhibit& exhibit);

}  // namespace crashpath
