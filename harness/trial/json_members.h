#pragma once

// Reading the members of a JSON object that we wrote ourselves: the first one that is missing or of another
// type is kept as the error, so that a reader lists its members and asks once.

#include <fmt/format.h>

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "harness/base/result.h"

namespace crashpath {

class JsonMembers {
 public:
  /// `what` is named in errors: "verdict". The object must outlive this.
  JsonMembers(const boost::json::object& object, std::string_view what) : object_(object), what_(what) {}

  std::string text(std::string_view key) {
    const boost::json::value* value = get(key);
    if (value != nullptr && value->is_string()) return std::string(value->get_string());
    return wrong(key, "a string"), std::string();
  }
  double number(std::string_view key) {
    const boost::json::value* value = get(key);
    if (value != nullptr && value->is_number()) return value->to_number<double>();
    return wrong(key, "a number"), 0;
  }
  /// For what older files lack.
  std::string text_or(std::string_view key, std::string_view otherwise) {
    return get(key) == nullptr ? std::string(otherwise) : text(key);
  }
  boost::json::array array_or_none(std::string_view key) {
    return get(key) == nullptr ? boost::json::array() : array(key);
  }
  double number_or(std::string_view key, double otherwise) {
    return get(key) == nullptr ? otherwise : number(key);
  }
  boost::json::object object(std::string_view key) {
    const boost::json::value* value = get(key);
    if (value != nullptr && value->is_object()) return value->get_object();
    return wrong(key, "an object"), boost::json::object();
  }
  boost::json::array array(std::string_view key) {
    const boost::json::value* value = get(key);
    if (value != nullptr && value->is_array()) return value->get_array();
    return wrong(key, "an array"), boost::json::array();
  }
  /// A string that `parse` (parse_stage, parse_outcome) turns into a value.
  template <class Value>
  Value word(std::string_view key, std::optional<Value> (*parse)(std::string_view)) {
    const std::optional<Value> parsed = parse(text(key));
    if (!parsed) wrong(key, "a known word");
    return parsed.value_or(Value());
  }

  Result<> finish() const { return error_ ? Result<>(*error_) : Result<>(); }

 private:
  const boost::json::value* get(std::string_view key) const { return object_.if_contains(key); }
  void wrong(std::string_view key, std::string_view type) {
    if (!error_) error_ = Error::host(fmt::format("{}: \"{}\" is missing or not {}", what_, key, type));
  }

  const boost::json::object& object_;
  std::string_view what_;
  std::optional<Error> error_;
};

}  // namespace crashpath
