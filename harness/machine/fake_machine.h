#pragma once

// A Machine without a guest, for tests: a script says what happens, time does not pass.

#include <deque>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "harness/machine/machine.h"

namespace crashpath {

class FakeMachine final : public Machine {
 public:
  explicit FakeMachine(MachineConfig config = {});

  // The script, in order. next_event returns DeadlinePassed at once, whatever the deadline, when nothing is
  // due.
  FakeMachine& emits(Event event);
  FakeMachine& prints(std::string console_line) { return emits(ConsoleLine{std::move(console_line)}); }
  FakeMachine& says(std::string agent_line) { return emits(AgentLine{std::move(agent_line)}); }
  /// An answer of the agent: it comes before everything that is still to happen.
  FakeMachine& replies(std::string agent_line);
  /// Nothing that follows is due before a line with this text was sent to the agent.
  FakeMachine& awaits(std::string sent_text);
  /// One deadline passes here.
  FakeMachine& is_silent() { return emits(DeadlinePassed{}); }

  /// Called with every line sent to the agent; it may add to the script: a guest agent in a few lines.
  std::function<void(FakeMachine&, std::string_view line)> on_sent;
  /// What start() returns.
  Result<> start_result;
  /// What starved() returns.
  Clock::duration starved_for{};

  /// What has_pending_interrupt() returns.
  std::function<bool()> interrupt_pends = [] { return false; };

  /// What vcpu_registers() returns, and the memory that each vCPU sees, by its virtual address.
  std::vector<VcpuRegisters> registers;
  std::map<std::uint64_t, std::string> virtual_memory;

  /// What was done to it: "start", "nmi", "pause", "resume", "write 0xADDRESS", "stop".
  const std::vector<std::string>& calls() const { return calls_; }
  const std::vector<std::string>& sent() const { return sent_; }
  /// The guest's RAM; tests fill it. It begins at the architecture's ram_base.
  std::vector<std::byte>& ram() { return ram_; }

  Result<> start() override;
  Event next_event(Clock::time_point deadline) override;
  Result<> send_to_agent(std::string_view line) override;
  Result<> inject_nmi() override;
  Result<> pause() override;
  Result<> resume() override;
  Result<GuestMemory> memory() override;
  Result<std::vector<VcpuRegisters>> vcpu_registers() override;
  Result<std::string> read_virtual(int cpu, std::uint64_t address, std::size_t bytes) override;
  Result<> write_memory(std::uint64_t address, std::span<const std::byte> bytes) override;
  Result<> save_device_state(const std::filesystem::path& file) override;
  Result<bool> has_pending_interrupt() override { return interrupt_pends(); }
  Clock::duration starved() const override { return starved_for; }
  void stop() override;
  void interrupt() override { interrupted_ = true; }
  Result<std::string> identity() const override { return std::string("fake"); }
  boost::json::object describe() const override { return {{"backend", "fake"}}; }

 private:
  struct Awaits {
    std::string text;
  };

  MachineConfig config_;
  std::deque<std::variant<Event, Awaits>> script_;
  std::vector<std::string> calls_;
  std::vector<std::string> sent_;
  std::vector<std::byte> ram_;
  bool interrupted_ = false;
};

}  // namespace crashpath
