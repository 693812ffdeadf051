#include "harness/evidence/hang.h"

#include "tests/fuzz/fuzz_input.h"

using namespace crashpath;

/// The first line is /proc/modules' only one, what follows the record.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return 0;
  boost::system::error_code code;
  const auto recorded = boost::json::parse(text.substr(end + 1), code);
  if (code) return 0;
  const auto hang = parse_hang(recorded, text.substr(0, end + 1));
  if (!hang) return 0;
  require(hang->lines().size() == hang->cpus.size());
  (void)hang->words();
  for (const HungCpu& cpu : hang->cpus) require(!cpu.chain.empty());
  return 0;
}
