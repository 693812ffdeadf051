#include "harness/trial/record_pages.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/evidence/directory.h"
#include "harness/evidence/first_kernel.h"
#include "harness/evidence/ranges.h"
#include "harness/evidence/saved_memory.h"

namespace crashpath {
namespace {

class StoppedGuest final : public PhysicalMemory {
 public:
  explicit StoppedGuest(const GuestMemory& memory) : memory_(memory) {}

  /// Zeros where nothing was ever written: a look there would fill it.
  Result<> read(std::uint64_t address, std::span<std::byte> into) const override {
    const std::uint64_t offset = address - memory_.base;
    if (address < memory_.base || offset > memory_.bytes.size() ||
        into.size() > memory_.bytes.size() - offset)
      return Error::guest(fmt::format("{} is outside of RAM", to_string({address, address + into.size()})));
    std::fill(into.begin(), into.end(), std::byte{});
    for (const Extent& extent : memory_.data) {
      const std::uint64_t begin = std::max(extent.offset, offset);
      const std::uint64_t end = std::min(extent.offset + extent.length, offset + into.size());
      if (begin < end)
        std::copy_n(memory_.bytes.begin() + static_cast<std::ptrdiff_t>(begin), end - begin,
                    into.begin() + static_cast<std::ptrdiff_t>(begin - offset));
    }
    return {};
  }

 private:
  const GuestMemory& memory_;
};

/// Notes what is read of another memory.
class NotedMemory final : public PhysicalMemory {
 public:
  explicit NotedMemory(const PhysicalMemory& memory) : memory_(memory) {}

  Result<> read(std::uint64_t address, std::span<std::byte> into) const override {
    CP_TRY(memory_.read(address, into));
    noted_.push_back({address, address + into.size()});
    return {};
  }
  const std::vector<Range>& noted() const { return noted_; }

 private:
  const PhysicalMemory& memory_;
  mutable std::vector<Range> noted_;
};

Result<Vmcoreinfo> vmcoreinfo_of(const PhysicalMemory& memory, const Evidence& evidence) {
  return read_vmcoreinfo_note(memory, CP_TRY(evidence.guest_file(Kernel::first, "/sys/kernel/vmcoreinfo")));
}

void add_words(std::string& words, std::string_view about, const Error& error) {
  words += fmt::format("{}{}: {}", words.empty() ? "" : "; ", about, error.message());
}

}  // namespace

Result<RecordedPages> record_pages(Moment moment, const std::vector<MemoryWitness>& witnesses,
                                   const GuestMemory& memory, const std::filesystem::path& directory) {
  RecordedPages recorded;
  const Evidence evidence(directory);
  const StoppedGuest guest(memory);
  const std::string architecture = CP_TRY(kernel_architecture(evidence));
  const auto vmcoreinfo = vmcoreinfo_of(guest, evidence);
  if (!vmcoreinfo) add_words(recorded.lacking, "VMCOREINFO", vmcoreinfo.error());

  const NotedMemory noted(guest);
  const Vmcoreinfo known = vmcoreinfo ? *vmcoreinfo : Vmcoreinfo();
  const auto kernel = first_kernel_in(noted, architecture, known, evidence);
  std::vector<Range> ranges;
  for (const MemoryWitness& witness : witnesses) {
    const auto named = witness.ranges(*kernel, evidence, moment);
    if (!named) {
      add_words(recorded.lacking, witness.name, named.error());
      continue;
    }
    recorded.named[witness.name] = to_string(normalized(*named), 16);
    ranges.insert(ranges.end(), named->begin(), named->end());
  }
  ranges.insert(ranges.end(), noted.noted().begin(), noted.noted().end());
  const std::string file = evidence_file::saved_memory(moment);
  const auto saved = save_memory(directory / file, guest, ranges, architecture, known);
  if (!saved && saved.error().fault() == Fault::host) return saved.error();
  if (!saved) add_words(recorded.lacking, file, saved.error());
  return recorded;
}

}  // namespace crashpath
