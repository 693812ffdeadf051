#pragma once

// A machine that is a libvirt domain, of this host or of another one.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "harness/machine/capabilities.h"
#include "harness/machine/libvirt/domain_memory.h"
#include "harness/machine/libvirt/domain_xml.h"
#include "harness/machine/libvirt/guest_stream.h"
#include "harness/machine/libvirt/host.h"
#include "harness/machine/libvirt/inbox.h"
#include "harness/machine/machine.h"

namespace crashpath::libvirt {

/// What a machine can do at the end of this connection.
Capabilities capabilities_of(const Uri& uri);

/// The domain is transient: libvirt forgets it when it ends. What libvirt hears comes on the event loop's
/// thread and waits in the inbox; everything else happens on the thread that calls.
class LibvirtMachine final : public Machine {
 public:
  LibvirtMachine(MachineConfig config, Uri uri);
  ~LibvirtMachine() override;

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
  Clock::duration starved() const override;
  void stop() override;
  void interrupt() override;
  Result<std::string> identity() const override;
  boost::json::object describe() const override;

 private:
  Result<> create_domain();
  Result<DomainPlace> place(HostFiles& files, const GuestSupport& support);
  Result<> listen();
  Result<> look_at_vcpus();
  Result<boost::json::value> command(std::string_view name, const boost::json::object& arguments = {},
                                     int fd = -1);
  Result<std::string> human_command(std::string_view line, int cpu);
  Result<> await_finished_save();
  std::optional<Event> after_the_end();
  bool answers() const;
  void lose();
  void add_lost_console();
  void collect_files();
  void deafen();
  std::string file_name(std::string_view what) const;
  std::filesystem::path scratch(std::string_view what) const;

  MachineConfig config_;
  Uri uri_;
  std::shared_ptr<Host> host_;
  HostFiles* files_ = nullptr;
  int number_ = 0;  ///< of the domain among this process's
  std::string name_;
  Domain domain_;
  std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::unique_ptr<GuestStream> console_;
  std::unique_ptr<GuestStream> agent_;
  int lifecycle_callback_ = -1;
  pid_t vcpu_thread_ = 0;  ///< of this machine; 0: another machine's
  std::unique_ptr<RamMapping> ram_;
  mutable Clock::duration starved_{};
  std::optional<Clock::time_point> polled_for_;  ///< the deadline after which the loop was waited for
  boost::json::object description_;
  bool exit_told_ = false;
  bool stopped_ = false;
  bool migration_prepared_ = false;
};

}  // namespace crashpath::libvirt
