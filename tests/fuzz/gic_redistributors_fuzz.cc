#include "harness/evidence/gic_redistributors.h"

#include "tests/fuzz/fuzz_input.h"

using namespace crashpath;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const GicRedistributorWrite& write : parse_redistributor_writes(text_of(data, size)))
    require(write.size <= 8);
  boost::system::error_code error;
  auto value = boost::json::parse(text_of(data, size), error);
  if (error) return 0;
  const auto state = DeviceState::from_json(std::move(value));
  if (!state) return 0;
  const auto redistributors = gic_redistributors(*state);
  if (!redistributors) return 0;
  for (const GicRedistributor& each : *redistributors) {
    require(each.property_table() % 4096 == 0);
    require(each.pending_table() % kLpiTableSize == 0);
  }
  return 0;
}
