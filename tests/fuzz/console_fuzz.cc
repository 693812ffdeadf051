#include "harness/console/line_splitter.h"
#include "harness/console/phases.h"
#include "harness/console/splats.h"
#include "harness/evidence/records.h"
#include "tests/fuzz/fuzz_input.h"

using namespace crashpath;

/// The bytes as a guest's console sends them, then as a record of a console.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  LineSplitter splitter(256);
  const std::vector<std::string> lines = splitter.feed(text_of(data, size));
  std::vector<std::string_view> texts;
  for (const std::string& line : lines) {
    require(line.size() <= 256);
    texts.push_back(without_time_stamp(line));
    for (const Architecture& architecture : architectures()) (void)find_phase(line, architecture);
  }
  for (const Splat& splat : find_splats(texts)) require(splat.begin < splat.end && splat.end <= texts.size());
  (void)parse_console_record(text_of(data, size));
  return 0;
}
