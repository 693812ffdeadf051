#pragma once

// The names of the files in a trial's evidence directory: written by harness/trial, read by checks.
// docs/evidence.md says what is in them.

#include <string_view>

namespace crashpath::evidence_file {

inline constexpr std::string_view kTrial = "trial.json";
inline constexpr std::string_view kVerdict = "verdict.json";
inline constexpr std::string_view kTimeline = "timeline.jsonl";
inline constexpr std::string_view kConsoleFirst = "console-first.log";
inline constexpr std::string_view kConsoleSecond = "console-second.log";
inline constexpr std::string_view kAgent = "agent.jsonl";
inline constexpr std::string_view kVmcoreElf = "vmcore";
inline constexpr std::string_view kVmcoreKdump = "vmcore.kdump";
inline constexpr std::string_view kVmcoreinfo = "vmcoreinfo.txt";
inline constexpr std::string_view kDmesg = "dmesg-from-vmcore.txt";
inline constexpr std::string_view kPageHashes = "memory-captured.pagehash";
inline constexpr std::string_view kQemuLog = "qemu.log";
inline constexpr std::string_view kTraceLog = "trace.log";
inline constexpr std::string_view kQmp = "qmp.jsonl";
inline constexpr std::string_view kHost = "host.json";
inline constexpr std::string_view kReplay = "replay.sh";

}  // namespace crashpath::evidence_file
