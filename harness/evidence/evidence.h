#pragma once

// Read access to one trial's evidence directory. What is costly to read (agent messages, the dump) is read
// once, when first asked for. Not thread-safe; one thread judges one trial.

#include <boost/json.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/evidence/moment.h"

namespace crashpath {

class DeviceState;
class KernelState;
class SavedMemory;
class Vmcore;
struct CoreHeaders;
struct PageHashes;

enum class Kernel { first, second };
std::string_view to_string(Kernel kernel);  ///< "first", "second"

/// A line of a recorded console.
struct RecordedLine {
  double seconds = 0;  ///< host time since the trial began
  std::string text;
  int number = 0;  ///< line of the file, from 1
};

class Evidence {
 public:
  explicit Evidence(std::filesystem::path directory);
  ~Evidence();
  Evidence(const Evidence&) = delete;
  Evidence& operator=(const Evidence&) = delete;

  const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path path(std::string_view file) const { return directory_ / file; }
  bool has(std::string_view file) const;

  /// trial.json: what was asked. docs/evidence.md has its members.
  Result<const boost::json::object*> trial() const;
  /// The architecture's name out of trial.json.
  Result<std::string> architecture() const;

  /// console-first.log or console-second.log.
  Result<const std::vector<RecordedLine>*> console(Kernel kernel) const;

  /// Every message of the agent (agent.jsonl) of one kernel (by the host's account), in order. A line that is
  /// no JSON object, or is longer than the protocol allows, is skipped: the guest may be corrupt.
  Result<const std::vector<boost::json::object>*> agent(Kernel kernel) const;
  /// The last message of this type of this kernel, or an error that says that it is missing.
  Result<const boost::json::object*> last_message(Kernel kernel, std::string_view type) const;
  /// Text of a file of the guest (such as /proc/iomem) in the kernel's latest report that has it.
  Result<std::string> guest_file(Kernel kernel, std::string_view path) const;
  /// The same for a file that was asked for in hex: its bytes.
  Result<std::string> guest_bytes(Kernel kernel, std::string_view path) const;
  /// Address of a symbol in the kernel's latest report that has it (/proc/kallsyms). An error of fault
  /// `lacks` when the agent was asked and the kernel does not have it, a guest error when nobody asked.
  Result<std::uint64_t> guest_symbol(Kernel kernel, std::string_view name) const;
  /// The beginning of /proc/vmcore as the second kernel's agent sent it (vmcore.headers).
  Result<const CoreHeaders*> vmcore_headers() const;
  /// memory-MOMENT.pagehash and device-state-MOMENT.json.
  Result<const PageHashes*> page_hashes(Moment moment) const;
  Result<const DeviceState*> device_state(Moment moment) const;
  /// Why the host could not look into the guest at a moment, in moments.jsonl's words, for a file of that
  /// moment that is not there. Empty when nothing is known of it: then the file is simply missing.
  Result<std::string> why_not_recorded(std::string_view file) const;

  /// The dump, opened through libkdumpfile; kdump format first, else ELF.
  Result<const Vmcore*> vmcore() const;
  /// memory-MOMENT.elf: what the scenario's memory witnesses wanted of that moment. An error of fault `lacks`
  /// when moments.jsonl says why there is none.
  Result<const SavedMemory*> saved_memory(Moment moment) const;
  /// The first kernel's own state, out of the dump; and as it was at a moment, as far as it was saved.
  Result<const KernelState*> kernel_state() const;
  Result<const KernelState*> kernel_state(Moment moment) const;

  /// The file that vmcore() reads: "vmcore.kdump" or "vmcore"; an error when there is neither.
  Result<std::string_view> vmcore_file() const;

 private:
  struct Cache;
  Result<std::string> reported(Kernel kernel, std::string_view member, std::string_view key) const;
  bool reported_missing(Kernel kernel, std::string_view name) const;
  Result<CoreHeaders> read_vmcore_headers() const;

  std::filesystem::path directory_;
  std::unique_ptr<Cache> cache_;
};

}  // namespace crashpath
