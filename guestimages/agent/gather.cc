#include "guestimages/agent/gather.h"

#include <algorithm>

namespace crashpath {

Result<> Gather::add(std::uint64_t offset, std::string_view data) {
  const std::uint64_t end = offset + data.size();
  const auto overlaps = [&](const Run& run) { return run.offset < end && offset < run.end(); };
  if (std::any_of(runs_.begin(), runs_.end(), overlaps)) CP_TRY(flush());

  auto run = std::find_if(runs_.begin(), runs_.end(),
                          [&](const Run& candidate) { return candidate.end() == offset; });
  if (run == runs_.end()) {
    if (runs_.size() == runs) {
      CP_TRY(write_(runs_.back().offset, runs_.back().data));
      runs_.pop_back();
    }
    run = runs_.insert(runs_.begin(), Run{offset, {}});
  }
  runs_.splice(runs_.begin(), runs_, run);
  run->data += data;
  return run->data.size() < longest ? Result<>() : shorten(*run);
}

Result<> Gather::shorten(Run& run) {
  const std::uint64_t cut = run.end() / block * block;
  const auto length = static_cast<std::size_t>(cut - run.offset);
  CP_TRY(write_(run.offset, std::string_view(run.data).substr(0, length)));
  run.data.erase(0, length);
  run.offset = cut;
  return {};
}

Result<> Gather::flush() {
  for (const Run& run : runs_)
    if (!run.data.empty()) CP_TRY(write_(run.offset, run.data));
  runs_.clear();
  return {};
}

}  // namespace crashpath
