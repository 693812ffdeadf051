#include "guestimages/fetch/apt_failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string/trim.hpp>
#include <string>

namespace crashpath {
namespace {

struct Failure {
  std::string_view words;  ///< of apt, in the C locale
  std::string_view meaning;
  std::string_view hint;
  bool unreachable = false;
};

constexpr std::string_view silent = "the mirror does not answer";
constexpr std::string_view unknown_name = "the mirror's name cannot be resolved";
constexpr std::string_view contradicts = "the mirror's files contradict each other";
constexpr std::string_view network = "check the network, or name another mirror: CRASHPATH_MIRROR=URL";
constexpr std::string_view other_mirror = "name another mirror: CRASHPATH_MIRROR=URL";
constexpr std::string_view later = "try again later, or name another mirror: CRASHPATH_MIRROR=URL";
constexpr std::string_view keyring = "a newer debian-archive-keyring package may have the key";
constexpr std::string_view refresh = "lists may be out of date: crashpath image fetch --update";

/// The first whose words apt says is the cause: a lack of signature, say, also ends in a lack of files.
constexpr Failure failures[] = {
    {"No space left on device", "the disk is full", "free space, or move the cache: XDG_CACHE_HOME=DIR"},
    {"not resolve", unknown_name, network, true},
    {"failure resolving", unknown_name, network, true},
    {"onnection timed out", silent, network, true},
    {"ould not connect", silent, network, true},
    {"Unable to connect", silent, network, true},
    {"onnection failed", silent, network, true},
    {"onnection refused", silent, network, true},
    {"is expired", "its lists are older than they say they may be",
     "name another mirror: CRASHPATH_MIRROR=URL; where a mirror is meant to stand still, "
     "Acquire::Check-Valid-Until \"false\" in this machine's apt configuration accepts that"},
    {"not valid yet", "its lists are from the future", "check this machine's clock"},
    {"NO_PUBKEY", "signed by a key that is not in this machine's Debian keyring", keyring},
    {"EXPKEYSIG", "signed by a key that has expired", keyring},
    {"is not signed", "it is not signed", other_mirror},
    {"t be verified", "its signature is not accepted", other_mirror},
    {"does not have a Release file", "the mirror does not have it", other_mirror},
    {"Mirror sync in progress", contradicts, later},
    {"Hash Sum mismatch", contradicts, later},
    {"Unable to locate package", "not among the suite's packages", refresh},
    {"404", "the mirror no longer has it", refresh},
};

const Failure* find_failure(std::string_view apt_errors) {
  const auto* found = std::find_if(std::begin(failures), std::end(failures), [&](const Failure& failure) {
    return apt_errors.find(failure.words) != std::string_view::npos;
  });
  return found == std::end(failures) ? nullptr : found;
}

}  // namespace

Error apt_failure(std::string_view what, std::string_view mirror, std::string_view apt_errors,
                  boost::source_location where) {
  const std::string said = boost::trim_copy(std::string(apt_errors));
  const Failure* failure = find_failure(apt_errors);
  if (failure == nullptr)
    return Error(Fault::host, fmt::format("cannot get {} from {}: {}", what, mirror, said), where)
        .with_hint(std::string(other_mirror));
  return Error(Fault::host,
               fmt::format("cannot get {} from {}: {}\n{}", what, mirror, failure->meaning, said), where)
      .with_hint(std::string(failure->hint));
}

bool is_mirror_unreachable(std::string_view apt_errors) {
  const Failure* failure = find_failure(apt_errors);
  return failure != nullptr && failure->unreachable;
}

}  // namespace crashpath
