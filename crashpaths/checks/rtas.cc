// rtas.*: the crash path's calls of firmware on pseries, out of the dump and of what the hypervisor saw.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <regex>

#include "crashpaths/checks/checks.h"
#include "crashpaths/checks/guest_facts.h"
#include "crashpaths/inventory/crash_calls.h"
#include "harness/base/file.h"
#include "harness/base/text.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/vmcore.h"

namespace crashpath {
namespace {

namespace json = boost::json;

/// One after the other, those that are alike together.
std::string inventory(const std::vector<RtasCall>& calls) {
  constexpr std::size_t kShown = 12;
  std::string text;
  std::size_t shown = 0;
  for (std::size_t i = 0; i < calls.size(); ++shown) {
    const RtasCall& call = calls.at(i);
    std::size_t alike = i;
    while (alike < calls.size() && calls.at(alike).name == call.name &&
           calls.at(alike).arguments == call.arguments && calls.at(alike).status == call.status)
      ++alike;
    if (shown == kShown) return text + fmt::format("; {} more", calls.size() - i);
    const std::string arguments = call.arguments == "-" ? "" : call.arguments;
    text += fmt::format("{}{}({}) = {}", text.empty() ? "" : "; ", call.name, arguments, call.status);
    if (alike - i > 1) text += fmt::format(" {} times", alike - i);
    i = alike;
  }
  return text;
}

Result<CheckResult> crash_calls(const Evidence& evidence, const CheckParameters& parameters) {
  const auto by = parameter<std::string>(parameters, "by").value_or("rtas_hold");
  const auto status = parameter<std::int64_t>(parameters, "status");
  const auto named = parameter<std::string>(parameters, "named");
  std::vector<RtasCall> calls = rtas_calls_in(CP_TRY(CP_TRY(evidence.vmcore())->dmesg()));
  std::erase_if(calls, [&](const RtasCall& call) { return call.by != by; });
  std::string expected = fmt::format("the dump's log has the crash's RTAS calls, as {} saw them", by);
  if (named) expected += fmt::format(", {} among them", *named);
  if (status) expected += fmt::format(", and one was answered with {}", *status);
  const std::string_view file = CP_TRY(evidence.vmcore_file());
  if (calls.empty()) return CheckResult::fail(expected, "none", file);
  const std::string got = inventory(calls);
  const auto has = [&](auto is) { return std::any_of(calls.begin(), calls.end(), is); };
  const bool right = (!named || has([&](const RtasCall& call) { return call.name == *named; })) &&
                     (!status || has([&](const RtasCall& call) { return call.status == *status; })) &&
                     !has([](const RtasCall& call) { return call.name == "?"; });
  return right ? CheckResult::pass(expected, got, file) : CheckResult::fail(expected, got, file);
}

/// RTAS wants its arguments there: PAPR 7.2.7, and below 1 GiB arch/powerpc/kernel/rtas.c,
/// RTAS_INSTANTIATE_MAX.
Result<CheckResult> emergency_buffer(const Evidence& evidence, const CheckParameters&) {
  const std::string expected =
      "the emergency buffer is aligned to 8 bytes and ends below the real mode area's end and 1 GiB";
  static const std::regex line(
      R"(rtas_emergency_args: buffer 0x([0-9a-f]{1,16}), (\d{1,6}) bytes, limit 0x([0-9a-f]{1,16}))");
  const std::string log = CP_TRY(CP_TRY(evidence.vmcore())->dmesg());
  const std::string_view file = CP_TRY(evidence.vmcore_file());
  std::smatch found;
  if (!std::regex_search(log, found, line))
    return CheckResult::fail(expected, "the log has no line of the emergency buffer", file);
  constexpr std::uint64_t kHighest = 1ULL << 30;
  const std::uint64_t address = std::stoull(found[1], nullptr, 16), size = std::stoull(found[2]);
  const std::uint64_t limit = std::min<std::uint64_t>(std::stoull(found[3], nullptr, 16), kHighest);
  const std::string got = fmt::format("{:#x}, {} bytes, limit {:#x}", address, size, limit);
  const bool right = address != 0 && address % 8 == 0 && address < limit && size <= limit - address;
  return right ? CheckResult::pass(expected, got, file) : CheckResult::fail(expected, got, file);
}

/// struct rtas_args: token, nargs, nret, args[16], all big-endian (arch/powerpc/include/asm/rtas-types.h).
struct RtasArguments {
  std::array<std::uint32_t, 19> cells{};
  std::string text() const {
    const std::size_t nargs = std::min<std::size_t>(cells.at(1), 16),
                      nret = std::min<std::size_t>(cells.at(2), 16);
    std::string text = fmt::format("token {}, arguments", cells.at(0));
    for (std::size_t i = 0; i < nargs; ++i) text += fmt::format(" {:#x}", cells.at(3 + i));
    text += ", results";
    for (std::size_t i = 0; i < nret && nargs + i < 16; ++i)
      text += fmt::format(" {:#x}", cells.at(3 + nargs + i));
    return text;
  }
};

Result<RtasArguments> read_rtas_args(const Vmcore& dump, std::uint64_t address) {
  RtasArguments arguments;
  CP_TRY(dump.read(address, std::as_writable_bytes(std::span(arguments.cells))));
  for (auto& cell : arguments.cells) cell = __builtin_bswap32(cell);
  return arguments;
}

/// What the probe rtas_hold has written there for the CPU that is stuck.
Result<CheckResult> held_args(const Evidence& evidence, const CheckParameters&) {
  const Vmcore& dump = *CP_TRY(evidence.vmcore());
  static const std::regex line(
      R"(rtas_hold: CPU \d+ is in RTAS, token (\d{1,9}) \(([^)\n]{1,64})\), arguments at 0x([0-9a-f]{1,16}))");
  const std::string log = CP_TRY(dump.dmesg());
  std::smatch found;
  const std::string_view file = CP_TRY(evidence.vmcore_file());
  if (!std::regex_search(log, found, line))
    return CheckResult::fail("a CPU is stuck in RTAS", "the log has no such line of rtas_hold", file);
  RtasArguments expected;
  expected.cells = {static_cast<std::uint32_t>(number_in<int>(found[1].str())), 3, 1, 20, 0x1000, 0xfe0, 0};
  const std::string wanted =
      fmt::format("the stuck CPU's arguments of {} are as it left them: {}", found[2].str(), expected.text());
  const RtasArguments got = CP_TRY(read_rtas_args(dump, std::stoull(found[3], nullptr, 16)));
  const bool same = std::equal(expected.cells.begin(), expected.cells.begin() + 7, got.cells.begin());
  return same ? CheckResult::pass(wanted, got.text(), file) : CheckResult::fail(wanted, got.text(), file);
}

/// Counted by the probe hcall_log, which speaks when the crash path is done.
Result<CheckResult> hypervisor_calls(const Evidence& evidence, const CheckParameters& parameters) {
  const auto named = parameter<std::string>(parameters, "named");
  std::string expected = "the dump's log has the crash's hypervisor calls";
  if (named) expected += fmt::format(", {} among them", *named);
  const auto calls = hypervisor_calls_in(CP_TRY(CP_TRY(evidence.vmcore())->dmesg()));
  const std::string_view file = CP_TRY(evidence.vmcore_file());
  if (calls.empty()) return CheckResult::fail(expected, "none", file);
  std::string got;
  for (const bool crashing : {true, false}) {
    got += crashing ? "the crashing CPU:" : "; others:";
    for (const auto& call : calls)
      if (call.crashing == crashing) got += fmt::format(" {} {} times,", call.name, call.times);
    got.pop_back();
  }
  const bool right = !named || std::any_of(calls.begin(), calls.end(),
                                           [&](const HypervisorCalls& call) { return call.name == *named; });
  return right ? CheckResult::pass(expected, got, file) : CheckResult::fail(expected, got, file);
}

/// What the probe rtas_race counted until the panic.
Result<CheckResult> race(const Evidence& evidence, const CheckParameters&) {
  const std::string expected =
      "several CPUs were in reentrant RTAS calls while another configured a connector, and no call failed";
  const std::string log = CP_TRY(CP_TRY(evidence.vmcore())->dmesg());
  const std::string_view file = CP_TRY(evidence.vmcore_file());
  static const std::regex racer(
      R"(rtas_race: CPU (\d{1,5}): (\d{1,18}) calls, (\d{1,18}) failed, at most (\d{1,5}) at once)");
  static const std::regex configured(
      R"(rtas_race: (\d{1,9}) calls of ibm,configure-connector, (\d{1,9}) failed)");
  std::string got;
  bool right = true, together = false;
  for (std::sregex_iterator found(log.begin(), log.end(), racer), end; found != end; ++found) {
    got += fmt::format("CPU {}: {} calls, {} failed, at most {} at once; ", (*found)[1].str(),
                       (*found)[2].str(), (*found)[3].str(), (*found)[4].str());
    right = right && (*found)[2] != "0" && (*found)[3] == "0";
    together = together || number_in<int>((*found)[4].str()) > 1;
  }
  std::smatch others;
  if (!std::regex_search(log, others, configured))
    return CheckResult::fail(expected, "the log has no account of the probe rtas_race", file);
  got += fmt::format("{} calls of ibm,configure-connector, {} failed", others[1].str(), others[2].str());
  right = right && together && others[1] != "0" && others[2] == "0";
  return right ? CheckResult::pass(expected, got, file) : CheckResult::fail(expected, got, file);
}

/// QEMU reports ibm,os-term by an event (hw/ppc/spapr_rtas.c, rtas_ibm_os_term()).
Result<CheckResult> os_term(const Evidence& evidence, const CheckParameters&) {
  const std::string expected = "the hypervisor was told of the panic by ibm,os-term (GUEST_PANICKED)";
  const std::string events = CP_TRY(read_file(evidence.path(evidence_file::kQmp)));
  const bool told = events.find("\"event\":\"GUEST_PANICKED\"") != std::string::npos;
  return told ? CheckResult::pass(expected, "GUEST_PANICKED", evidence_file::kQmp)
              : CheckResult::fail(expected, "no such event", evidence_file::kQmp);
}

}  // namespace

void register_rtas_checks(CheckRegistry& registry) {
  registry.add({"rtas.crash-calls",
                "The crash path's RTAS calls, in order, as a probe said them in the log",
                {{"by", "rtas_hold or rtas_emergency_args", std::string("rtas_emergency_args")},
                 {"named", "a call that must be among them", std::string("ibm,int-off")},
                 {"status", "an answer that must be among them", std::int64_t{-2}}},
                crash_calls});
  registry.add(
      {"rtas.emergency-buffer", "The emergency buffer lies where RTAS can use it", {}, emergency_buffer});
  registry.add({"rtas.held-args",
                "The arguments of the CPU that is stuck in RTAS were not written over by the crash path",
                {},
                held_args});
  registry.add({"rtas.hcalls",
                "The crash path's hypervisor calls, as a probe counted them",
                {{"named", "a call that must be among them", std::string("H_SIGNAL_SYS_RESET")}},
                hypervisor_calls});
  registry.add({"rtas.race", "Reentrant RTAS calls that race with ibm,configure-connector", {}, race});
  registry.add(
      {"rtas.os-term", "A panic without a crash kernel reaches the hypervisor by ibm,os-term", {}, os_term});
}

}  // namespace crashpath
