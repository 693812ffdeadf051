#include "harness/machine/fake_machine.h"

#include <fmt/format.h>

#include <algorithm>

namespace crashpath {

FakeMachine::FakeMachine(MachineConfig config) : config_(std::move(config)) {
  if (config_.architecture == nullptr) config_.architecture = &architectures().front();
}

FakeMachine& FakeMachine::emits(Event event) {
  script_.emplace_back(std::move(event));
  return *this;
}

FakeMachine& FakeMachine::replies(std::string agent_line) {
  script_.emplace_front(AgentLine{std::move(agent_line)});
  return *this;
}

FakeMachine& FakeMachine::awaits(std::string sent_text) {
  script_.emplace_back(Awaits{std::move(sent_text)});
  return *this;
}

Result<> FakeMachine::start() {
  calls_.emplace_back("start");
  return start_result;
}

Event FakeMachine::next_event(Clock::time_point) {
  if (std::exchange(interrupted_, false)) return Interrupted{};
  if (script_.empty() || std::holds_alternative<Awaits>(script_.front())) return DeadlinePassed{};
  Event event = std::get<Event>(std::move(script_.front()));
  script_.pop_front();
  return event;
}

Result<> FakeMachine::send_to_agent(std::string_view line) {
  sent_.emplace_back(line);
  const auto* awaits = script_.empty() ? nullptr : std::get_if<Awaits>(&script_.front());
  if (awaits != nullptr && line.find(awaits->text) != line.npos) script_.pop_front();
  if (on_sent) on_sent(*this, line);
  return {};
}

Result<> FakeMachine::inject_nmi() {
  calls_.emplace_back("nmi");
  if (!config_.architecture->has_nmi) return Error::guest("this machine has no NMI");
  return {};
}

Result<> FakeMachine::pause() {
  calls_.emplace_back("pause");
  return {};
}

Result<> FakeMachine::resume() {
  calls_.emplace_back("resume");
  return {};
}

Result<GuestMemory> FakeMachine::memory() {
  return GuestMemory{config_.architecture->ram_base, ram_, {{0, ram_.size()}}};
}

Result<> FakeMachine::save_device_state(const std::filesystem::path& file) {
  calls_.emplace_back("save");
  return write_file(file, "devices of a fake machine");
}

Result<std::vector<VcpuRegisters>> FakeMachine::vcpu_registers() {
  if (registers.empty()) return Error::host("this machine has no registers");
  return registers;
}

Result<std::string> FakeMachine::read_virtual(int, std::uint64_t address, std::size_t bytes) {
  for (const auto& [begin, content] : virtual_memory)
    if (address >= begin && address - begin < content.size() && bytes <= content.size() - (address - begin))
      return content.substr(address - begin, bytes);
  return Error::guest(fmt::format("the vCPU sees no memory at {:#x}", address));
}

Result<> FakeMachine::write_memory(std::uint64_t address, std::span<const std::byte> bytes) {
  calls_.push_back(fmt::format("write {:#x}", address));
  const std::uint64_t base = config_.architecture->ram_base;
  if (address < base || address - base + bytes.size() > ram_.size())
    return Error::host("not in the guest's RAM");
  std::copy(bytes.begin(), bytes.end(), ram_.begin() + static_cast<std::ptrdiff_t>(address - base));
  return {};
}

void FakeMachine::stop() {
  calls_.emplace_back("stop");
}

}  // namespace crashpath
