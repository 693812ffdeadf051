#pragma once

// A machine that is a QEMU process of ours: its channels are inherited socket pairs, its RAM is a memory
// file, and it dies with us.

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/console/line_splitter.h"
#include "harness/machine/machine.h"
#include "harness/machine/qemu/accelerator.h"
#include "harness/machine/qemu/channel.h"
#include "harness/machine/qemu/guest_ram.h"
#include "harness/machine/qemu/launch.h"
#include "harness/machine/qemu/log_files.h"
#include "harness/machine/qemu/qmp.h"
#include "harness/machine/qemu/vcpu_threads.h"
#include "harness/process/child.h"

namespace crashpath {

/// Lives and dies on one thread: the kernel kills QEMU when the thread that started it ends (see Child).
class QemuMachine final : public Machine {
 public:
  explicit QemuMachine(MachineConfig config);
  ~QemuMachine() override;

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
  Result<bool> has_pending_interrupt() override;
  Clock::duration starved() const override;
  void watch_for_spinning() override;
  void stop() override;
  void interrupt() override;
  Result<std::string> identity() const override;
  boost::json::object describe() const override;

 private:
  Result<> run_qemu();
  Result<Child> start_child(QemuLaunch& launch);
  Result<> connect(QemuLaunch& launch);
  Result<> greet();
  Result<> become_fork();
  Result<> prepare_migration();
  Result<> await_migration();
  Result<> await_finished_save();
  void take_event(HypervisorEvent event);
  Error died_at_start(const Error& error);
  void look_at_vcpus();
  Result<std::string> human_command(std::string_view line, int cpu);
  Result<boost::json::value> command(std::string_view name, const boost::json::object& arguments = {});
  void take_lines(LineSplitter& splitter, std::string_view bytes, bool agent);
  void channel_ended();
  void announce_exit();
  void run_until_exit(Clock::time_point deadline);
  std::optional<Event> late_event(Clock::time_point deadline);

  MachineConfig config_;
  boost::json::object description_;
  VcpuThreads vcpu_threads_;
  std::optional<Clock::time_point> look_at_;  ///< when vCPUs are looked at next; unset: never

  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
  std::deque<Event> queue_;
  std::atomic<bool> interrupted_ = false;
  std::optional<Clock::time_point>
      polled_for_;  ///< the deadline after which sockets were looked at once more

  LineSplitter console_lines_;
  LineSplitter agent_lines_{kMaxAgentLine};
  std::unique_ptr<GuestRam> ram_;
  UniqueFd device_state_;  ///< of the saved guest, until it is loaded
  std::unique_ptr<Channel> console_;
  std::unique_ptr<Channel> agent_;
  std::unique_ptr<Channel> log_;
  std::unique_ptr<Qmp> qmp_;
  std::optional<LogFiles> log_files_;
  std::optional<Child> child_;
  int open_channels_ = 0;
  bool stopped_ = false;
  bool migration_prepared_ = false;
  std::string migration_status_;  ///< of the last MIGRATION event: "active", "completed", "failed", ...
};

}  // namespace crashpath
