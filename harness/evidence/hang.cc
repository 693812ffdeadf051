#include "harness/evidence/hang.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <sstream>

#include "harness/base/file.h"
#include "harness/base/json_number.h"
#include "harness/evidence/directory.h"

namespace crashpath {

namespace json = boost::json;

namespace {

constexpr std::size_t kMaxFrames = 64;
constexpr std::size_t kFramesInWords = 4;

std::optional<std::uint64_t> parse_hex(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, code] = std::from_chars(text.data(), end, number, 16);
  if (text.empty() || code != std::errc() || stopped != end) return std::nullopt;
  return number;
}

const json::value* member(const json::value& value, std::string_view name) {
  const json::object* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains(name);
}
std::string_view text_member(const json::value& value, std::string_view name) {
  const json::value* text = member(value, name);
  return text != nullptr && text->is_string() ? std::string_view(text->get_string()) : std::string_view();
}
const json::array& array_member(const json::value& value, std::string_view name) {
  static const json::array none;
  const json::value* array = member(value, name);
  return array != nullptr && array->is_array() ? array->get_array() : none;
}
int cpu_of(const json::value& value) {
  return value.is_object() ? number_member<int>(value.get_object(), "cpu").value_or(-1) : -1;
}

std::string bytes_of(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    if (const auto byte = parse_hex(hex.substr(i, 2))) bytes += static_cast<char>(*byte);
  return bytes;
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof value));
  return value;
}

/// The pieces of a vCPU's stack that were recorded.
class Stack {
 public:
  explicit Stack(const json::value& recorded) {
    for (const auto& piece : array_member(recorded, "memory"))
      if (const auto address = parse_hex(text_member(piece, "address")))
        pieces_[*address] = bytes_of(text_member(piece, "hex"));
  }
  std::optional<std::uint64_t> word(std::uint64_t address) const {
    const auto behind = pieces_.upper_bound(address);
    if (behind == pieces_.begin()) return std::nullopt;
    const auto& [begin, bytes] = *std::prev(behind);
    if (address - begin >= bytes.size() || bytes.size() - (address - begin) < 8) return std::nullopt;
    return little_endian(std::string_view(bytes).substr(address - begin, 8));
  }

 private:
  std::map<std::uint64_t, std::string> pieces_;
};

/// Addresses to functions.
class Names {
 public:
  Names(const json::value& recorded, std::string_view modules) {
    if (const json::value* symbols = member(recorded, "symbols"); symbols != nullptr && symbols->is_object())
      for (const auto& [address, name] : symbols->get_object())
        if (const auto number = parse_hex(address); number && name.is_string())
          functions_[*number] = std::string_view(name.get_string());
    take_modules(modules);
  }
  std::string at(std::uint64_t address) const {
    if (const auto found = functions_.find(address); found != functions_.end()) return found->second;
    for (const auto& [begin, module] : modules_)
      if (address >= begin && address - begin < module.size)
        return fmt::format("[{}]+{:#x}", module.name, address - begin);
    return fmt::format("{:#x}", address);
  }

 private:
  struct Module {
    std::string name;
    std::uint64_t size = 0;
  };
  /// "rtas_hold 16384 0 [permanent], Live 0xc008000000462000 (OE)" (kernel/module/procfs.c, m_show()).
  void take_modules(std::string_view text) {
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      Module module;
      std::string references, users, state, address;
      if (!(words >> module.name >> module.size >> references >> users >> state >> address)) continue;
      if (const auto begin = parse_hex(address); begin && *begin != 0) modules_[*begin] = std::move(module);
    }
  }

  std::map<std::uint64_t, std::string> functions_;
  std::map<std::uint64_t, Module> modules_;
};

std::string without_offset(const std::string& function) {
  return function.substr(0, function.find('+'));
}

using Registers = std::map<std::string, std::uint64_t, std::less<>>;

Registers registers_of(const json::value& vcpu) {
  Registers registers;
  if (const json::value* values = member(vcpu, "registers"); values != nullptr && values->is_object())
    for (const auto& [name, value] : values->get_object())
      if (const auto number = value.is_string() ? parse_hex(value.get_string()) : std::nullopt)
        registers[std::string(name)] = *number;
  return registers;
}

std::uint64_t value_of(const Registers& registers, std::string_view name) {
  const auto found = registers.find(name);
  return found == registers.end() ? 0 : found->second;
}

class Unwinder {
 public:
  Unwinder(const Stack& stack, const Names& names) : stack_(stack), names_(names) {}

  /// x29 leads to a pair: the caller's x29, and where it goes on (arch/arm64/kernel/stacktrace.c). An
  /// exception leaves such a pair with the interrupted address (arch/arm64/kernel/entry.S).
  std::vector<HangFrame> arm64(const Registers& registers) {
    start(value_of(registers, "pc"), value_of(registers, "x30"));
    for (std::uint64_t frame = value_of(registers, "x29"); chain_.size() < kMaxFrames;) {
      const auto caller = stack_.word(frame);
      const auto address = stack_.word(frame + 8);
      if (!caller || !address || *address == 0) break;
      add_caller(*address);
      if (*caller == 0 || *caller == frame) break;
      frame = *caller;
    }
    return std::move(chain_);
  }

  /// The back chain: r1 leads to the caller's, where the called function saved LR (ELFv2 ABI). An interrupt
  /// leaves its registers behind a marker (arch/powerpc/kernel/process.c, __show_stack()).
  std::vector<HangFrame> ppc64(const Registers& registers) {
    start(value_of(registers, "nip"), value_of(registers, "lr"));
    std::uint64_t frame = value_of(registers, "r1");
    while (chain_.size() < kMaxFrames) {
      const bool interrupted = take_interrupt(frame);
      const auto caller = stack_.word(frame);
      if (!caller || *caller == 0 || *caller == frame) break;
      frame = *caller;
      // The slot of the frame that was interrupted belongs to what that function calls.
      const auto address = interrupted ? std::nullopt : stack_.word(frame + 16);
      if (address && *address != 0) add_caller(*address);
    }
    return std::move(chain_);
  }

 private:
  void start(std::uint64_t at, std::uint64_t link) {
    chain_.push_back({.function = names_.at(at), .trap = 0});
    link_ = link;
    started_ = true;
  }

  /// The link register of a function that has called already is its own; of a leaf it is its caller.
  void add_caller(std::uint64_t address) {
    if (std::exchange(started_, false)) {
      const bool leaf = without_offset(names_.at(link_)) != without_offset(chain_.back().function);
      if (leaf && link_ != address && !names_.at(link_).starts_with("0x"))
        chain_.push_back({.function = names_.at(link_), .trap = 0});
    }
    chain_.push_back({.function = names_.at(address), .trap = 0});
  }

  bool take_interrupt(std::uint64_t frame) {
    // STACK_FRAME_REGS_MARKER, "regshere" or "REGS", and where it stands: arch/powerpc/include/asm/ptrace.h.
    constexpr std::uint64_t kLongMarker = 0x7265677368657265, kMarker = 0x53474552;
    // struct pt_regs: gpr[32], nip, msr, orig_gpr3, ctr, link, xer, ccr, softe, trap.
    constexpr std::uint64_t kBehindMarker = 16, kNip = 32, kLink = 36, kTrap = 40;
    for (const std::uint64_t place : {std::uint64_t{32}, std::uint64_t{96}}) {
      const auto marker = stack_.word(frame + place);
      if (!marker || (*marker != kLongMarker && *marker != kMarker)) continue;
      const auto saved = [&](std::uint64_t number) {
        return stack_.word(frame + place + kBehindMarker + 8 * number).value_or(0);
      };
      start(saved(kNip), saved(kLink));
      chain_.back().trap = saved(kTrap) & ~std::uint64_t{0xf};
      return true;
    }
    return false;
  }

  const Stack& stack_;
  const Names& names_;
  std::vector<HangFrame> chain_;
  std::uint64_t link_ = 0;
  bool started_ = false;
};

/// Its innermost functions, before anything interrupted, are those of a spinlock.
bool spins_for_lock(const std::vector<HangFrame>& chain) {
  for (std::size_t i = 0; i < std::min<std::size_t>(chain.size(), 3) && chain.at(i).trap == 0; ++i)
    if (chain.at(i).function.find("spin_lock") != std::string::npos) return true;
  return false;
}

/// The functions that led to a spinlock. What the spinlock itself is doing changes, and so do offsets.
std::vector<std::string> way_to_lock(const std::vector<HangFrame>& chain) {
  std::vector<std::string> way;
  for (const HangFrame& frame : chain) {
    way.push_back(without_offset(frame.function));
    if (way.back().find("spin_lock") != std::string::npos) way.clear();
  }
  return way;
}

/// The lock that a CPU spins for stands in one of its registers, and has a name when it is a variable of its
/// own.
void find_lock(const json::value& recorded, HungCpu& cpu) {
  cpu.waits_for.emplace();
  for (const auto& pointed : array_member(recorded, "pointed")) {
    const std::string_view symbol = text_member(pointed, "symbol");
    if (cpu_of(pointed) != cpu.cpu || symbol.find("lock") == std::string_view::npos) continue;
    *cpu.waits_for = symbol;
    // arch/powerpc/include/asm/qspinlock_types.h: bit 0 locked, bits 1 to 14 the CPU that holds it.
    const auto word = static_cast<std::uint32_t>(little_endian(bytes_of(text_member(pointed, "hex"))));
    if (text_member(recorded, "arch") == "pseries" && (word & 1) != 0 &&
        recorded.as_object().contains("lock_owners"))
      cpu.held_by = static_cast<int>((word >> 1) & 0x3fff);
  }
}

/// In all samples the same function, though perhaps not the same instruction.
bool moves(const json::value& recorded, int cpu, const Names& names) {
  std::string function;
  for (const auto& sample : array_member(recorded, "samples"))
    for (const auto& vcpu : array_member(sample, "vcpus")) {
      if (cpu_of(vcpu) != cpu) continue;
      const Registers registers = registers_of(vcpu);
      const std::string here = without_offset(
          names.at(registers.contains("nip") ? value_of(registers, "nip") : value_of(registers, "pc")));
      if (!function.empty() && here != function) return true;
      function = here;
    }
  return false;
}

std::string_view trap_name(std::uint64_t trap) {
  switch (trap) {
    case 0x100:
      return "system reset";
    case 0x300:
      return "data storage";
    case 0x400:
      return "instruction storage";
    case 0x500:
      return "external interrupt";
    case 0x700:
      return "program check";
    case 0x900:
      return "decrementer";
    case 0xa00:
      return "doorbell";
    case 0xc00:
      return "system call";
    default:
      return "interrupt";
  }
}

/// Some functions of a chain, "inner < outer".
std::string brief(std::vector<HangFrame>::const_iterator begin, std::vector<HangFrame>::const_iterator end) {
  std::string text;
  for (std::size_t i = 0; begin != end && i < kFramesInWords; ++begin, ++i) {
    if (i > 0 && begin->trap != 0) break;
    text += (i > 0 ? " < " : "") + without_offset(begin->function);
  }
  return text;
}

/// What a CPU did before a system reset stopped it, which is how the crash path parks CPUs.
std::string doings(const HungCpu& cpu) {
  const auto stopped = std::find_if(cpu.chain.begin(), cpu.chain.end(),
                                    [](const HangFrame& frame) { return frame.trap == 0x100; });
  if (stopped == cpu.chain.end()) return "is in " + brief(cpu.chain.begin(), cpu.chain.end());
  return fmt::format("was stopped by a system reset in {}", brief(stopped, cpu.chain.end()));
}

}  // namespace

std::string Hang::words() const {
  std::string text;
  for (const auto& cpu : cpus) {
    if (!cpu.waits_for) continue;
    text += fmt::format("{}CPU {} waits for {} in {}", text.empty() ? "" : "; ", cpu.cpu,
                        cpu.waits_for->empty() ? "a lock" : *cpu.waits_for,
                        brief(cpu.chain.begin(), cpu.chain.end()));
    const auto holder = std::find_if(cpus.begin(), cpus.end(),
                                     [&](const HungCpu& other) { return other.cpu == cpu.held_by; });
    if (holder != cpus.end())
      text += fmt::format("; CPU {} holds it and {}", holder->cpu,
                          holder->cpu == cpu.cpu ? "is the same" : doings(*holder));
  }
  if (!text.empty()) return text;
  for (const auto& cpu : cpus)
    text += fmt::format("{}CPU {} {}", text.empty() ? "" : "; ", cpu.cpu, doings(cpu));
  return text;
}

std::vector<std::string> Hang::lines() const {
  std::vector<std::string> lines;
  for (const auto& cpu : cpus) {
    std::string line = fmt::format("CPU {}{}:", cpu.cpu, cpu.moves ? " (moves)" : "");
    for (const auto& frame : cpu.chain) {
      if (frame.trap != 0) line += fmt::format(" | {} {:#x} in", trap_name(frame.trap), frame.trap);
      line += (line.ends_with(':') || frame.trap != 0 ? " " : " < ") + frame.function;
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

bool Hang::still_waits(const Hang& earlier) const {
  return std::any_of(cpus.begin(), cpus.end(), [&](const HungCpu& now) {
    return std::any_of(earlier.cpus.begin(), earlier.cpus.end(), [&](const HungCpu& then) {
      const bool waits = then.cpu == now.cpu && then.waits_for && now.waits_for;
      // The register that names the lock is not always at hand.
      const bool one_lock =
          waits && (then.waits_for->empty() || now.waits_for->empty() || then.waits_for == now.waits_for);
      const auto way = way_to_lock(now.chain);
      return one_lock && !way.empty() && way == way_to_lock(then.chain);
    });
  });
}

Result<Hang> parse_hang(const json::value& recorded, std::string_view modules) {
  const json::array& samples = array_member(recorded, "samples");
  const std::string_view arch = text_member(recorded, "arch");
  if (const auto lacking = text_member(recorded, "lacking"); samples.empty() && !lacking.empty())
    return Error(Fault::lacks, std::string(lacking));
  if (samples.empty() || (arch != "arm64" && arch != "pseries"))
    return Error::host("no record of a hang: it has no samples, or not of an architecture that is known");
  const Names names(recorded, modules);
  Hang hang;
  for (const auto& vcpu : array_member(samples.back(), "vcpus")) {
    HungCpu cpu;
    cpu.cpu = cpu_of(vcpu);
    json::value none;
    const json::value* memory = &none;
    for (const auto& stack : array_member(recorded, "stacks"))
      if (cpu_of(stack) == cpu.cpu) memory = &stack;
    const Stack stack(*memory);
    Unwinder unwinder(stack, names);
    const Registers registers = registers_of(vcpu);
    cpu.chain = arch == "arm64" ? unwinder.arm64(registers) : unwinder.ppc64(registers);
    cpu.moves = moves(recorded, cpu.cpu, names);
    if (spins_for_lock(cpu.chain)) find_lock(recorded, cpu);
    hang.cpus.push_back(std::move(cpu));
  }
  return hang;
}

Result<Hang> read_hang(const Evidence& evidence) {
  const std::string text = CP_TRY(read_file(evidence.path(evidence_file::kHang)));
  boost::system::error_code code;
  const json::value recorded = json::parse(text, code);
  if (code) return Error::host(fmt::format("{}: {}", evidence_file::kHang, code.message()));
  const auto modules = evidence.guest_file(Kernel::first, "/proc/modules");
  return parse_hang(recorded, modules ? *modules : std::string());
}

}  // namespace crashpath
