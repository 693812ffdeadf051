#pragma once

// The arguments of one command, taken one by one: what nobody takes is an error, so that a typo is never
// ignored.

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace crashpath {

class Arguments {
 public:
  explicit Arguments(boost::json::object members) : members_(std::move(members)) {}

  Result<std::string> text(std::string_view name);
  Result<std::string> text_or(std::string_view name, std::string_view otherwise);
  Result<std::int64_t> number(std::string_view name);
  Result<std::optional<std::int64_t>> optional_number(std::string_view name);
  Result<bool> flag_or(std::string_view name, bool otherwise);
  Result<Arguments> object(std::string_view name);
  Result<std::vector<std::string>> texts(std::string_view name);  ///< none when absent

  /// An error that names the first argument that was not taken.
  Result<> nothing_else() const;

 private:
  std::optional<boost::json::value> take(std::string_view name);

  boost::json::object members_;
};

}  // namespace crashpath
