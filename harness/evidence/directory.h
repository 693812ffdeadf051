#pragma once

// The names of the files in a trial's evidence directory: written by harness/trial, read by checks.
// docs/evidence.md says what is in them.

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "harness/evidence/moment.h"

namespace crashpath::evidence_file {

inline constexpr std::string_view kTrial = "trial.json";
inline constexpr std::string_view kVerdict = "verdict.json";
inline constexpr std::string_view kTimeline = "timeline.jsonl";
inline constexpr std::string_view kConsoleFirst = "console-first.log";
inline constexpr std::string_view kConsoleSecond = "console-second.log";
inline constexpr std::string_view kAgent = "agent.jsonl";
inline constexpr std::string_view kVmcoreElf = "vmcore";
inline constexpr std::string_view kVmcoreKdump = "vmcore.kdump";
inline constexpr std::string_view kCaptureDisk = "capture.disk";
inline constexpr std::string_view kVmcoreinfo = "vmcoreinfo.txt";
inline constexpr std::string_view kDmesg = "dmesg-from-vmcore.txt";
inline constexpr std::string_view kMoments = "moments.jsonl";
inline constexpr std::string_view kHang = "vcpus-hang.json";
inline constexpr std::string_view kAsleep = "vcpus-asleep.json";
inline constexpr std::string_view kQemuLog = "qemu.log";
inline constexpr std::string_view kTraceLog = "trace.log";
inline constexpr std::string_view kQmp = "qmp.jsonl";
inline constexpr std::string_view kHost = "host.json";
inline constexpr std::string_view kReplay = "replay.sh";

/// The guest's RAM at a moment: "memory-captured.pagehash".
inline std::string page_hashes(Moment moment) {
  return fmt::format("memory-{}.pagehash", to_string(moment));
}
/// Chosen parts of the RAM at a moment: "memory-armed.elf".
inline std::string saved_memory(Moment moment) {
  return fmt::format("memory-{}.elf", to_string(moment));
}
/// The devices at a moment: "device-state-armed.json".
inline std::string device_state(Moment moment) {
  return fmt::format("device-state-{}.json", to_string(moment));
}

/// What a memory witness shows in the reports: "exhibit-memreserve.txt", "exhibit-memreserve.json".
inline std::string exhibit_text(std::string_view witness) {
  return fmt::format("exhibit-{}.txt", witness);
}
inline std::string exhibit_json(std::string_view witness) {
  return fmt::format("exhibit-{}.json", witness);
}

}  // namespace crashpath::evidence_file
