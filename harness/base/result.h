#pragma once

// Result<T>: what a function returns that can fail. Exceptions are for bugs, Result is for the world.

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace crashpath {

/// Who has to do something about an error. Decides between outcome and exit status, so it is never guessed.
enum class Fault {
  usage,  ///< the user's input: a scenario, a plan, an option. Exit status 2.
  host,   ///< this machine or crashpath itself: a full disk, a killed QEMU. Outcome `error`.
  guest,  ///< the kernel under test. Outcome `fail`.
  lacks,  ///< nobody: the guest has not what is asked of it. Outcome `skip`.
};

/// What happened, to what, what to do about it, and through which calls it came up.
class Error {
 public:
  Error() = default;  ///< no error: boost::system::result's error() of a success asks for one
  Error(Fault fault, std::string message, boost::source_location where = BOOST_CURRENT_LOCATION)
      : fault_(fault), message_(std::move(message)) {
    trace_.push_back(where);
  }

  static Error usage(std::string message, boost::source_location where = BOOST_CURRENT_LOCATION) {
    return {Fault::usage, std::move(message), where};
  }
  static Error host(std::string message, boost::source_location where = BOOST_CURRENT_LOCATION) {
    return {Fault::host, std::move(message), where};
  }
  static Error guest(std::string message, boost::source_location where = BOOST_CURRENT_LOCATION) {
    return {Fault::guest, std::move(message), where};
  }
  /// "WHAT: strerror(errno)", a host fault.
  static Error from_errno(std::string what, boost::source_location where = BOOST_CURRENT_LOCATION);

  /// Adds what the user can do about it. Shown on a line of its own behind "hint:".
  Error&& with_hint(std::string hint) && {
    hint_ = std::move(hint);
    return std::move(*this);
  }
  /// Puts "CONTEXT: " before the message.
  Error&& within(std::string_view context) && {
    message_.insert(0, std::string(context) + ": ");
    return std::move(*this);
  }
  Error&& passed(boost::source_location where) && {
    trace_.push_back(where);
    return std::move(*this);
  }

  Fault fault() const { return fault_; }
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }
  const std::vector<boost::source_location>& trace() const { return trace_; }

  /// Message and hint, for a person: one line, or two with a hint.
  std::string to_string() const;
  /// The lines of source it came through, innermost first: for `--verbose` and bug reports.
  std::string trace_to_string() const;

 private:
  Fault fault_ = Fault::host;
  std::string message_;
  std::string hint_;
  std::vector<boost::source_location> trace_;
};

template <class T = void>
using Result = boost::system::result<T, Error>;

/// Found by boost::system::result through argument-dependent lookup. Taking the value of an error is a bug.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

}  // namespace crashpath

/// The value of a Result, or return its error from this function, with this line added to its trace.
#define CP_TRY(...)                                                                               \
  __extension__({                                                                                 \
    auto cp_try_result = (__VA_ARGS__);                                                           \
    if (!cp_try_result)                                                                           \
      return ::crashpath::Error(std::move(cp_try_result).error()).passed(BOOST_CURRENT_LOCATION); \
    std::move(cp_try_result).value();                                                             \
  })
