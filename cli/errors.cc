#include "cli/errors.h"

#include <fmt/format.h>

#include <cstdlib>

#include "cli/commands.h"

namespace crashpath {

int report_error(const Error& error) {
  fmt::print(stderr, "crashpath: {}\n", error.to_string());
  if (std::getenv("CRASHPATH_VERBOSE") != nullptr) fmt::print(stderr, "{}", error.trace_to_string());
  switch (error.fault()) {
    case Fault::usage:
      return kUsage;
    case Fault::host:
      return kHostError;
    case Fault::guest:
    case Fault::lacks:
      return kFailure;
  }
  return kHostError;
}

}  // namespace crashpath
