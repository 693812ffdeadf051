#include "harness/trial/record_hang.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "harness/evidence/directory.h"
#include "harness/evidence/kallsyms.h"

namespace crashpath {

namespace json = boost::json;

namespace {

constexpr int kSamples = 3;
constexpr std::size_t kMaxFrames = 64;
constexpr std::size_t kMaxKernels = 4;
/// Of stack, at a time. A frame with the registers of an interrupt has some 500 bytes.
constexpr std::uint64_t kBlock = 1024;

std::string hex(std::uint64_t value) {
  return fmt::format("{:#x}", value);
}

std::string hex_bytes(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

class GuestRamReader final : public PhysicalMemory {
 public:
  explicit GuestRamReader(const GuestMemory& memory) : memory_(memory) {}
  Result<> read(std::uint64_t address, std::span<std::byte> into) const override {
    const std::uint64_t offset = address - memory_.base;
    if (address < memory_.base || offset > memory_.bytes.size() ||
        into.size() > memory_.bytes.size() - offset)
      return Error::guest(fmt::format("there is no RAM at {:#x}", address));
    std::memcpy(into.data(), memory_.bytes.data() + offset, into.size());
    return {};
  }

 private:
  const GuestMemory& memory_;
};

/// The stack of one vCPU, as far as its chain of frames leads.
class StackReader {
 public:
  StackReader(Machine& machine, int cpu) : machine_(machine), cpu_(cpu) {}

  void follow(std::uint64_t frame) {
    for (std::size_t i = 0; i < kMaxFrames && frame != 0 && frame % 8 == 0; ++i) {
      const auto next = word(frame);
      // Frames of powerpc have what is asked of them in their first 512 bytes.
      (void)word(frame + kBlock / 2);
      if (!next || *next == frame) return;
      frame = *next;
    }
  }
  const std::map<std::uint64_t, std::string>& blocks() const { return blocks_; }

 private:
  std::optional<std::uint64_t> word(std::uint64_t address) {
    const std::uint64_t begin = address - address % kBlock;
    auto found = blocks_.find(begin);
    if (found == blocks_.end()) {
      auto bytes = machine_.read_virtual(cpu_, begin, kBlock);
      if (!bytes) return std::nullopt;
      found = blocks_.emplace(begin, *std::move(bytes)).first;
    }
    std::uint64_t value = 0;
    std::memcpy(&value, found->second.data() + (address - begin), sizeof value);
    return value;
  }

  Machine& machine_;
  int cpu_;
  std::map<std::uint64_t, std::string> blocks_;
};

/// The kernels whose VMCOREINFO lies in the guest's RAM, and the names of what is in them. The crash kernel's
/// is there as well once it has come far enough; on pseries it runs elsewhere in memory than the first.
class Kernels {
 public:
  /// `lacking`: where it is said why there are no names.
  Kernels(const GuestMemory& memory, std::string_view architecture, std::string& lacking) {
    const GuestRamReader reader(memory);
    for (const Extent& extent : memory.data) {
      const auto bytes = memory.bytes.subspan(extent.offset, extent.length);
      for (auto& vmcoreinfo : find_vmcoreinfo_notes(bytes)) {
        if (symbols_.size() == kMaxKernels || !seen_.insert(vmcoreinfo.text()).second) continue;
        auto symbols = KernelSymbols::read(reader, architecture, vmcoreinfo);
        if (symbols)
          symbols_.push_back(*std::move(symbols));
        else
          lacking = symbols.error().message();
      }
    }
    if (!symbols_.empty())
      lacking.clear();
    else if (lacking.empty())
      lacking = "no kernel's VMCOREINFO is in the guest's memory";
  }
  std::optional<std::string> function_at(std::uint64_t address) const {
    for (const auto& kernel : symbols_)
      if (auto name = kernel.function_at(address)) return name;
    return std::nullopt;
  }
  std::optional<std::string> exactly_at(std::uint64_t address) const {
    for (const auto& kernel : symbols_)
      if (auto name = kernel.exactly_at(address)) return name;
    return std::nullopt;
  }
  bool has(std::string_view name) const {
    return std::any_of(symbols_.begin(), symbols_.end(),
                       [&](const KernelSymbols& kernel) { return kernel.address_of(name).has_value(); });
  }

 private:
  std::set<std::string> seen_;
  std::vector<KernelSymbols> symbols_;
};

json::object sample(double seconds, const std::vector<VcpuRegisters>& cpus) {
  json::array vcpus;
  for (const auto& cpu : cpus) {
    json::object registers;
    for (const auto& [name, value] : cpu.values) registers[name] = hex(value);
    vcpus.push_back(json::object{{"cpu", cpu.cpu}, {"registers", std::move(registers)}});
  }
  return {{"t", seconds}, {"vcpus", std::move(vcpus)}};
}

class HangRecord {
 public:
  HangRecord(Machine& machine, const Architecture& architecture, json::object& record)
      : machine_(machine), architecture_(architecture), record_(record) {}

  void take(const std::vector<VcpuRegisters>& cpus) {
    for (const auto& cpu : cpus) take_stack(cpu);
    record_["stacks"] = std::move(stacks_);
    const auto memory = machine_.memory();
    std::string lacking = memory ? "" : memory.error().message();
    if (memory) {
      const bool arm64 = architecture_.name == "arm64";
      const Kernels kernels(*memory, arm64 ? "aarch64" : "ppc64", lacking);
      name(cpus, kernels);
    }
    if (!lacking.empty()) record_["lacking"] = "symbols: " + lacking;
  }

 private:
  void take_stack(const VcpuRegisters& cpu) {
    const auto frame = cpu.values.find(architecture_.name == "arm64" ? "x29" : "r1");
    StackReader stack(machine_, cpu.cpu);
    if (frame != cpu.values.end()) stack.follow(frame->second);
    json::array pieces;
    for (const auto& [address, bytes] : stack.blocks()) {
      pieces.push_back(json::object{{"address", hex(address)}, {"hex", hex_bytes(bytes)}});
      for (std::size_t i = 0; i < bytes.size(); i += 8) {
        std::uint64_t value = 0;
        std::memcpy(&value, bytes.data() + i, sizeof value);
        if (value != 0) values_.insert(value);
      }
    }
    for (const auto& [name, value] : cpu.values) values_.insert(value);
    stacks_.push_back(json::object{{"cpu", cpu.cpu}, {"memory", std::move(pieces)}});
  }

  void name(const std::vector<VcpuRegisters>& cpus, const Kernels& kernels) {
    json::object functions;
    for (const std::uint64_t value : values_)
      if (const auto function = kernels.function_at(value)) functions[hex(value)] = *function;
    record_["symbols"] = std::move(functions);
    // A variable of arch/powerpc/lib/qspinlock.c, whose lock words name the CPU that holds the lock.
    if (kernels.has("steal_spins")) record_["lock_owners"] = true;
    json::array pointed;
    for (const auto& cpu : cpus)
      for (const auto& [name, value] : cpu.values)
        if (const auto symbol = kernels.exactly_at(value))
          if (const auto bytes = machine_.read_virtual(cpu.cpu, value, 16))
            pointed.push_back(json::object{{"cpu", cpu.cpu},
                                           {"register", name},
                                           {"address", hex(value)},
                                           {"symbol", *symbol},
                                           {"hex", hex_bytes(*bytes)}});
    record_["pointed"] = std::move(pointed);
  }

  Machine& machine_;
  const Architecture& architecture_;
  json::object& record_;
  json::array stacks_;
  std::set<std::uint64_t> values_;
};

/// The guest stays stopped.
Result<> record_into(Machine& machine, const Architecture& architecture, int looks,
                     const std::function<double()>& seconds, const std::function<void()>& between,
                     json::object& record) {
  json::array samples;
  for (int i = 0;; ++i) {
    CP_TRY(machine.pause());
    const auto cpus = CP_TRY(machine.vcpu_registers());
    samples.push_back(sample(seconds(), cpus));
    if (i + 1 == looks) {
      record["samples"] = std::move(samples);
      HangRecord(machine, architecture, record).take(cpus);
      return {};
    }
    CP_TRY(machine.resume());
    between();
  }
}

}  // namespace

void record_hang(Machine& machine, Recorder& recorder, const Architecture& architecture,
                 const std::function<void()>& between) {
  json::object record{{"schema", 1}, {"arch", architecture.name}, {"stage", to_string(recorder.stage())}};
  const auto seconds = [&] { return recorder.seconds(); };
  const auto recorded = record_into(machine, architecture, kSamples, seconds, between, record);
  if (!recorded) record["lacking"] = recorded.error().message();
  recorder.store(evidence_file::kHang, json::serialize(record) + "\n");
}

Result<Hang> look_at_vcpus(Machine& machine, const Architecture& architecture) {
  json::object record{{"arch", architecture.name}};
  const auto recorded = record_into(
      machine, architecture, 1, [] { return 0.0; }, [] {}, record);
  CP_TRY(machine.resume());
  CP_TRY(recorded);
  return parse_hang(record, "");
}

}  // namespace crashpath
