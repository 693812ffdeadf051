#include "harness/trial/record_moment.h"

#include <algorithm>
#include <numeric>

#include "harness/evidence/directory.h"
#include "harness/evidence/migration_stream.h"
#include "harness/trial/guest_memory_hashes.h"
#include "harness/trial/record_pages.h"

namespace crashpath {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

/// Where the devices' state lies until it is decoded, which can wait until the guest goes on.
constexpr std::string_view kStream = "device-state.stream";

bool has(const std::vector<Moment>& moments, Moment moment) {
  return std::find(moments.begin(), moments.end(), moment) != moments.end();
}

std::uint64_t total_length(const std::vector<Extent>& extents) {
  return std::accumulate(extents.begin(), extents.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Extent& each) { return sum + each.length; });
}

/// What is recorded of the RAM at one moment.
struct OfMemory {
  bool hashes = false, pages = false;
};

Result<> record_memory(Moment moment, OfMemory what, const ScenarioRecord& wanted, Machine& machine,
                       const Recorder& recorder, const PageHashes* unchanged, json::object& about,
                       json::object& lacking) {
  const std::string hashes_file = evidence_file::page_hashes(moment);
  const std::string pages_file = evidence_file::saved_memory(moment);
  const auto seen = machine.memory();
  if (!seen) {
    if (what.hashes) lacking[hashes_file] = seen.error().message();
    if (what.pages) lacking[pages_file] = seen.error().message();
    return {};
  }
  if (what.hashes) {
    if (seen->changed) about["own_bytes"] = total_length(*seen->changed);
    CP_TRY(write_page_hashes(recorder.directory() / hashes_file, hash_guest_memory(*seen, unchanged)));
  }
  if (what.pages) {
    RecordedPages pages = CP_TRY(record_pages(moment, wanted.pages, *seen, recorder.directory()));
    about["pages"] = std::move(pages.named);
    if (!pages.lacking.empty()) lacking[pages_file] = pages.lacking;
  }
  return {};
}

Result<json::object> decode(const Result<>& saved, const fs::path& stream) {
  if (!saved) return saved.error();
  return decode_migration_stream(CP_TRY(read_file(stream)));
}

}  // namespace

Result<> record_moment(Moment moment, const ScenarioRecord& wanted, Machine& machine, Recorder& recorder,
                       const PageHashes* unchanged) {
  const bool memory = has(wanted.memory, moment);
  const bool devices = has(wanted.device_state, moment);
  if (!memory && !devices) return {};
  const fs::path stream = recorder.directory() / kStream;
  const std::string devices_file = evidence_file::device_state(moment);
  json::object about{{"moment", to_string(moment)}};
  json::object lacking;

  const double stopped = recorder.seconds();
  CP_TRY(machine.pause());
  const OfMemory of_memory{.hashes = memory, .pages = !wanted.pages.empty()};
  if (of_memory.hashes || of_memory.pages)
    CP_TRY(record_memory(moment, of_memory, wanted, machine, recorder, unchanged, about, lacking));
  const Result<> saved = devices ? machine.save_device_state(stream) : Result<>();
  if (moment != Moment::captured) CP_TRY(machine.resume());
  about["t"] = stopped;
  about["stopped"] = recorder.seconds() - stopped;

  if (devices) {
    if (const auto state = decode(saved, stream))
      recorder.store(devices_file, json::serialize(*state) + "\n");
    else
      lacking[devices_file] = state.error().message();
    std::error_code ignored;
    fs::remove(stream, ignored);
  }
  about["lacking"] = std::move(lacking);
  recorder.moment(about);
  return {};
}

}  // namespace crashpath
