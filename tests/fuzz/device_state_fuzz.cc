#include "harness/evidence/device_state.h"

#include <string>

#include "harness/evidence/migration_stream.h"
#include "tests/fuzz/fuzz_input.h"

using namespace crashpath;

namespace {

void check_device(const DeviceField& device) {
  require(device.has("spapr_cpu/vpa").has_value());
  (void)device.at("spapr_cpu/vpa").number("vpa_addr");
  (void)device.at("cpu")[1].number("gicr_ctlr");
  const auto cpus = device.at("cpu").elements();
  require(!cpus || !cpus->empty());
}

/// What was decoded is read back as the same.
void check(std::string_view stream) {
  const auto decoded = decode_migration_stream(stream);
  if (!decoded) return;
  const auto state = DeviceState::from_json(boost::json::parse(boost::json::serialize(*decoded)));
  require(state.has_value());
  for (const boost::json::value& device : decoded->at("devices").as_array()) {
    const auto found = state->devices(std::string_view(device.at("name").as_string()));
    require(found && !found->empty());
    for (const auto& [instance, fields] : *found) check_device(fields);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  check(text);
  // Most changes make the length that stands before the description wrong: the right one is put in behind the
  // last null byte, and the magic in front.
  const std::size_t description = text.rfind('\0') + 1;
  std::string stream("QEVM\0\0\0\x03", 8);
  stream += text.substr(0, description);
  stream += '\x06';
  for (int shift = 24; shift >= 0; shift -= 8) stream += static_cast<char>((size - description) >> shift);
  check(stream += text.substr(description));
  return 0;
}
