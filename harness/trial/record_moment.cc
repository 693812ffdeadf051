#include "harness/trial/record_moment.h"

#include <algorithm>

#include "harness/evidence/directory.h"
#include "harness/evidence/migration_stream.h"
#include "harness/trial/guest_memory_hashes.h"

namespace crashpath {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

/// Where the devices' state lies until it is decoded, which can wait until the guest goes on.
constexpr std::string_view kStream = "device-state.stream";

bool has(const std::vector<Moment>& moments, Moment moment) {
  return std::find(moments.begin(), moments.end(), moment) != moments.end();
}

Result<> record_memory(Machine& machine, const fs::path& file, const PageHashes* unchanged) {
  return write_page_hashes(file, hash_guest_memory(CP_TRY(machine.memory()), unchanged));
}

Result<> decode(const fs::path& stream, const fs::path& file) {
  const json::object state = CP_TRY(decode_migration_stream(CP_TRY(read_file(stream))));
  return write_file(file, json::serialize(state) + "\n");
}

}  // namespace

Result<> record_moment(Moment moment, const ScenarioRecord& wanted, Machine& machine, Recorder& recorder,
                       const PageHashes* unchanged) {
  const bool memory = has(wanted.memory, moment);
  const bool devices = has(wanted.device_state, moment);
  if (!memory && !devices) return {};
  const fs::path stream = recorder.directory() / kStream;
  const std::string hashes_file = evidence_file::page_hashes(moment);
  const std::string devices_file = evidence_file::device_state(moment);
  json::object lacking;

  const double stopped = recorder.seconds();
  CP_TRY(machine.pause());
  if (memory)
    if (const auto done = record_memory(machine, recorder.directory() / hashes_file, unchanged); !done)
      lacking[hashes_file] = done.error().message();
  const Result<> saved = devices ? machine.save_device_state(stream) : Result<>();
  if (moment != Moment::captured) CP_TRY(machine.resume());
  const double went_on = recorder.seconds();

  if (devices) {
    const Result<> decoded = saved ? decode(stream, recorder.directory() / devices_file) : saved;
    if (!decoded) lacking[devices_file] = decoded.error().message();
    std::error_code ignored;
    fs::remove(stream, ignored);
  }
  recorder.moment(moment, stopped, went_on - stopped, std::move(lacking));
  return {};
}

}  // namespace crashpath
