#pragma once

// A machine runs one guest. It turns everything that happens into events, judges nothing and records nothing:
// trials do that. Backends: qemu/ (direct), libvirt/.

#include <boost/json.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "harness/base/result.h"
#include "harness/machine/architecture.h"
#include "harness/machine/frozen_ram.h"

namespace crashpath {

using Clock = std::chrono::steady_clock;

/// A guest that was saved while it was paused; any number of machines begin as forks of it.
struct SavedGuest {
  std::shared_ptr<const std::string> device_state;  ///< what save_device_state() wrote
  std::shared_ptr<const FrozenRam> ram;
};

/// Everything that shapes a machine, as data. The same data makes a QEMU command line, a replay script and,
/// for other backends, whatever they need.
struct MachineConfig {
  const Architecture* architecture = nullptr;
  int cpus = 4;
  int memory_mib = 1024;
  std::string cpu_model;  ///< -cpu; empty: the architecture's default
  /// Host threads that emulate the CPUs: "multi", one for each; "single", where they take turns. A TLB
  /// invalidation that a CPU broadcasts stops all threads; CPUs that spin take turns from those that work.
  std::string tcg_thread = "multi";
  std::string gic_version;  ///< arm64: "2", "3", "4"; empty: "3"
  bool its = true;          ///< arm64 with GICv3
  std::string ic_mode;      ///< pseries: "xics", "xive", "dual"; empty: "xive"
  bool firmware = true;     ///< arm64: boot through UEFI, so that there is an EFI memreserve table
  bool acpi = true;         ///< arm64

  std::filesystem::path kernel;
  std::filesystem::path initramfs;
  std::string append;  ///< the kernel command line

  /// Host file behind the guest's one virtio-blk disk, created with `capture_disk_size` bytes (sparse). The
  /// second kernel writes the dump there.
  std::filesystem::path capture_disk;
  std::uint64_t capture_disk_size = 0;

  std::filesystem::path log;              ///< QEMU's own messages (stderr, guest_errors)
  std::filesystem::path trace_log;        ///< trace events, when there are any
  std::vector<std::string> trace_events;  ///< QEMU trace events to record
  bool pause_at_start = false;

  /// Begin as a fork of this guest, which a machine of the same shape was; unset: power on.
  std::optional<SavedGuest> fork_of = {};

  /// Called with every line of the monitor's protocol, for qmp.jsonl: direction is "in" (from the hypervisor)
  /// or "out".
  std::function<void(std::string_view direction, std::string_view line)> on_monitor_line = {};
};

struct ConsoleLine {
  std::string text;  ///< without line end; control characters as the guest sent them
  /// false: what stood on the console without a line end when the machine ended or a deadline passed. When
  /// more of that line comes later it is a line of its own.
  bool complete = true;
};
/// docs/agent-protocol.md allows 1 MiB a line.
inline constexpr std::size_t kMaxAgentLine = (std::size_t{1} << 20) + 4096;
struct AgentLine {
  std::string text;  ///< one line of the guest agent's channel, as it came: parse with care
};
struct HypervisorEvent {
  std::string name;  ///< QMP event: "GUEST_PANICKED", "RESET", "SHUTDOWN", "STOP", "RESUME", ...
  boost::json::object data;
};
struct MachineExited {
  int exit_code = 0;               ///< of the QEMU process, when not killed by a signal
  std::optional<int> signal = {};  ///< the signal that killed it
  std::string words = {};          ///< why nothing more is known of it, where that is so
};
struct DeadlinePassed {};
struct Interrupted {};  ///< somebody called interrupt(): Ctrl-C

using Event =
    std::variant<ConsoleLine, AgentLine, HypervisorEvent, MachineExited, DeadlinePassed, Interrupted>;

/// The guest's RAM as the host sees it. Valid until it is asked for again, or the machine ends.
struct GuestMemory {
  std::uint64_t base = 0;  ///< guest physical address of bytes[0]
  std::span<const std::byte> bytes;
  /// Where it may be other than zero; runs may overlap. Read only there: a look at untouched RAM fills it.
  std::vector<Extent> data;
  /// What a fork has written since it began, in order; unset where the machine is no fork.
  std::optional<std::vector<Extent>> changed = {};
};

/// A vCPU's registers, as assembler names them: arm64 "pc", "sp", "x0" to "x30", "pstate"; pseries "nip",
/// "lr", "ctr", "msr", "r0" to "r31".
struct VcpuRegisters {
  int cpu = 0;
  std::map<std::string, std::uint64_t, std::less<>> values;
};

class Machine {
 public:
  virtual ~Machine() = default;  ///< ends the guest, whatever state it is in

  virtual Result<> start() = 0;

  /// Waits for the next event; DeadlinePassed when there is none until then. Events come in the order in
  /// which they happened, as far as several channels have one.
  virtual Event next_event(Clock::time_point deadline) = 0;

  /// Sends one line to the guest agent (a line end is added).
  virtual Result<> send_to_agent(std::string_view line) = 0;

  virtual Result<> inject_nmi() = 0;  ///< error of fault guest when the machine type has none
  virtual Result<> pause() = 0;
  virtual Result<> resume() = 0;

  /// Of one moment only while the guest is paused.
  virtual Result<GuestMemory> memory() = 0;
  /// Of every vCPU, in their order. The guest must be paused.
  virtual Result<std::vector<VcpuRegisters>> vcpu_registers() = 0;
  /// Memory at a virtual address, as this vCPU translates it now. At most 4 KiB at a time. The guest must be
  /// paused. An error of fault guest where the vCPU sees no memory.
  virtual Result<std::string> read_virtual(int cpu, std::uint64_t address, std::size_t bytes) = 0;
  /// Writes into the guest's RAM behind its back. The range must be inside of RAM.
  virtual Result<> write_memory(std::uint64_t address, std::span<const std::byte> bytes) = 0;

  /// Writes what the hypervisor holds of the guest besides its RAM (QEMU: a migration stream). The guest must
  /// be paused, and stays so; it can go on afterwards.
  virtual Result<> save_device_state(const std::filesystem::path& file) = 0;

  /// Whether a vCPU has an interrupt that it did not take yet and that would be lost with a guest saved now.
  /// The guest must be paused.
  virtual Result<bool> has_pending_interrupt() { return false; }

  /// How long the vCPU that waited longest stood ready to run without getting a CPU of the host, since the
  /// start. A deadline that passed meanwhile says nothing about the guest.
  virtual Clock::duration starved() const { return {}; }

  /// From now on a vCPU that spins may be given what the others leave of the host, where the machine can tell
  /// and do that: a crash leaves such vCPUs behind.
  virtual void watch_for_spinning() {}

  /// Ends the guest now and collects its exit. No event follows. May be called at any time, also twice.
  virtual void stop() = 0;

  /// The one member that other threads may call: makes next_event return Interrupted.
  virtual void interrupt() = 0;

  /// What a saved guest depends on besides the configuration: the hypervisor, its accelerator, its firmware.
  /// May be asked before start().
  virtual Result<std::string> identity() const = 0;

  /// Versions and choices worth recording: QEMU's version, accelerator, argv, pid, whether sandboxed, as
  /// which user.
  virtual boost::json::object describe() const = 0;
};

}  // namespace crashpath
