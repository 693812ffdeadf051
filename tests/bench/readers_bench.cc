// How fast the readers of evidence are: recorded migration streams, hashing of guest memory, and the dumps
// that the command line names.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "harness/evidence/migration_stream.h"
#include "harness/evidence/page_hashes.h"
#include "harness/evidence/vmcore.h"
#include "tests/corpus/trial_copy.h"

namespace crashpath {
namespace {

void read_stream(benchmark::State& state, const std::string& name) {
  const std::string stream = read_compressed("device-state/" + name + ".stream.zst");
  for (auto run : state) {
    const auto devices = decode_migration_stream(stream);
    if (!devices) state.SkipWithError(devices.error().message().c_str());
    benchmark::DoNotOptimize(devices);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(stream.size()));
}

void hash_ram(benchmark::State& state) {
  std::vector<std::byte> ram(std::size_t{64} << 20);
  for (std::size_t at = 0; at < ram.size(); ++at) ram[at] = static_cast<std::byte>(at * 2654435761U >> 13);
  for (auto run : state) benchmark::DoNotOptimize(hash_memory(0, ram));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(ram.size()));
}

/// Every page that the dump holds, as vmcore.pages-match-memory reads it.
void read_pages(benchmark::State& state, const std::string& file) {
  std::int64_t bytes = 0;
  for (auto run : state) {
    const auto dump = Vmcore::open(file);
    if (!dump) return state.SkipWithError(dump.error().message().c_str());
    std::vector<std::byte> page((*dump)->page_size());
    for (auto pfn = (*dump)->next_page(0); pfn; pfn = (*dump)->next_page(*pfn + 1)) {
      if (const auto read = (*dump)->read(*pfn * page.size(), page); !read)
        return state.SkipWithError(read.error().message().c_str());
      bytes += static_cast<std::int64_t>(page.size());
    }
  }
  state.SetBytesProcessed(bytes);
}

void read_log(benchmark::State& state, const std::string& file) {
  for (auto run : state) {
    const auto dump = Vmcore::open(file);
    if (!dump) return state.SkipWithError(dump.error().message().c_str());
    const auto log = (*dump)->dmesg();
    if (!log) return state.SkipWithError(log.error().message().c_str());
    benchmark::DoNotOptimize(log);
  }
}

}  // namespace
}  // namespace crashpath

int main(int argc, char** argv) {
  using namespace crashpath;
  benchmark::Initialize(&argc, argv);
  for (const std::string name :
       {"arm64-6.12", "arm64-6.12-crashed", "pseries-6.12-xics", "pseries-6.12-xive"})
    benchmark::RegisterBenchmark(("migration stream/" + name).c_str(), read_stream, name)
        ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("page hashes", hash_ram)->Unit(benchmark::kMillisecond);
  for (int i = 1; i < argc; ++i) {
    const std::string dump = argv[i];
    benchmark::RegisterBenchmark(("dump: pages/" + dump).c_str(), read_pages, dump)
        ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(("dump: log/" + dump).c_str(), read_log, dump)
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::RunSpecifiedBenchmarks();
}
