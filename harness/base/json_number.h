#pragma once

// Numbers in JSON that somebody else wrote.

#include <boost/json.hpp>
#include <cmath>
#include <concepts>
#include <optional>
#include <string_view>

namespace crashpath {

/// The member as a Number; none when it is missing, no number, does not fit (-1 in an unsigned, 1.5 in an
/// integer), or is what Boost.JSON reads 1e999 and 0e999 as and no JSON can say again: infinite, not a
/// number.
template <class Number>
std::optional<Number> number_member(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  if (value == nullptr) return std::nullopt;
  if (const double* real = value->if_double(); real != nullptr && !std::isfinite(*real)) return std::nullopt;
  boost::system::error_code error;
  const Number number = value->to_number<Number>(error);
  if (error) return std::nullopt;
  return number;
}

}  // namespace crashpath
