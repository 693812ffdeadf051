#include "harness/base/result.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace crashpath {

Error Error::from_errno(std::string what, boost::source_location where) {
  const int number = errno;
  return {Fault::host, fmt::format("{}: {}", what, std::generic_category().message(number)), where};
}

std::string Error::to_string() const {
  return hint_.empty() ? message_ : fmt::format("{}\n  hint: {}", message_, hint_);
}

std::string Error::trace_to_string() const {
  std::string text;
  for (const auto& at : trace_)
    text += fmt::format("  at {}:{} {}\n", at.file_name(), at.line(), at.function_name());
  return text;
}

void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::logic_error("value of an error taken: " + error.to_string() + "\n" + error.trace_to_string());
}

}  // namespace crashpath
