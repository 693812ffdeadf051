// workarea.*: RTAS work areas, as a probe saw them and as the dump has them. docs/pseries.md.

#include <fmt/format.h>

#include <regex>

#include "crashpaths/checks/checks.h"
#include "crashpaths/checks/guest_facts.h"
#include "crashpaths/checks/workarea_judge.h"
#include "harness/base/json_number.h"
#include "harness/evidence/directory.h"
#include "harness/evidence/vmcore.h"

namespace crashpath {
namespace {

/// A running task may take a mutex before the one that was woken for it; one that was woken in vain has it
/// handed over (kernel/locking/mutex.c). So each turn of the queue may be preceded by as many as a CPU can
/// run until the woken task does: a few, and many where the CPUs are emulated on a busy host.
constexpr std::int64_t kMostOvertaken = 32;

Result<WorkAreaPool> read_pool(const Evidence& evidence) {
  return read_work_area_pool(*CP_TRY(evidence.kernel_state()));
}

Result<CheckResult> served(const Evidence& evidence, const CheckParameters&) {
  return judge_served(CP_TRY(read_work_area_log(evidence)), CP_TRY(evidence.vmcore_file()));
}

Result<CheckResult> fair(const Evidence& evidence, const CheckParameters& parameters) {
  const auto most = parameter<std::int64_t>(parameters, "most").value_or(kMostOvertaken);
  return judge_fair(CP_TRY(read_work_area_log(evidence)), most, CP_TRY(evidence.vmcore_file()));
}

Result<CheckResult> agreeing_pool(const Evidence& evidence, const CheckParameters& parameters) {
  const bool idle = parameter<bool>(parameters, "idle").value_or(false);
  return judge_pool(CP_TRY(read_work_area_log(evidence)), CP_TRY(read_pool(evidence)), idle,
                    CP_TRY(evidence.vmcore_file()));
}

Result<CheckResult> arena_in_reach(const Evidence& evidence, const CheckParameters&) {
  const WorkAreaLog log = CP_TRY(read_work_area_log(evidence));
  if (log.limit == 0) return Error::guest("the probe work_area did not say what RTAS can reach");
  return judge_arena(CP_TRY(read_pool(evidence)), log.limit, CP_TRY(evidence.vmcore_file()));
}

Result<CheckResult> waiters(const Evidence& evidence, const CheckParameters& parameters) {
  const auto least = parameter<std::int64_t>(parameters, "least").value_or(1);
  const std::size_t cpus = CP_TRY(online_cpus(evidence)).size();
  return judge_waiters(CP_TRY(read_work_area_log(evidence)), CP_TRY(read_pool(evidence)), least, cpus,
                       CP_TRY(evidence.vmcore_file()));
}

/// The agent says what it did in its answer to `workload`.
Result<CheckResult> second_kernel_reads(const Evidence& evidence, const CheckParameters&) {
  const std::string expected =
      "the second kernel reads a system parameter of the firmware through a work area of its own";
  for (const auto& message : *CP_TRY(evidence.agent(Kernel::second))) {
    const auto* data = message.if_contains("data");
    if (data == nullptr || !data->is_object()) continue;
    const auto* workload = data->get_object().if_contains("workload");
    if (workload == nullptr || *workload != "sysparm") continue;
    const auto done = number_member<std::int64_t>(data->get_object(), "done").value_or(0);
    const std::string got = fmt::format("{} reads of /dev/papr-sysparm", done);
    return done > 0 ? CheckResult::pass(expected, got, evidence_file::kAgent)
                    : CheckResult::fail(expected, got, evidence_file::kAgent);
  }
  return CheckResult::fail(expected, "it was not asked, or did not answer", evidence_file::kAgent);
}

/// From 6.3 on busy answers are asked again, because the work area may be kept while one sleeps; before, the
/// buffer's spinlock forbade that, and the reader got nothing
/// (arch/powerpc/platforms/pseries/lparcfg.c, parse_system_parameter_string()).
Result<CheckResult> busy_reads(const Evidence& evidence, const CheckParameters&) {
  const std::string expected = "firmware that answers \"busy\" is asked again, and no read is lost";
  const std::string_view file = CP_TRY(evidence.vmcore_file());
  const std::string dmesg = CP_TRY(CP_TRY(evidence.vmcore())->dmesg());
  static const std::regex answered(R"(rtas_hold: answered (\d{1,9}) of (\d{1,9}) calls with (-?\d{1,5}))");
  static const std::regex lost(R"([^\n]{0,200}Error calling get-system-parameter[^\n]{0,100})");
  std::smatch busy;
  if (!std::regex_search(dmesg, busy, answered) || busy[1] == "0")
    return CheckResult::fail(expected, "nobody was answered \"busy\"", file);
  const auto losses = std::distance(std::sregex_iterator(dmesg.begin(), dmesg.end(), lost), {});
  std::string got = fmt::format("{} of {} calls were answered with {}; {} reads were lost", busy[1].str(),
                                busy[2].str(), busy[3].str(), losses);
  if (std::smatch first; losses != 0 && std::regex_search(dmesg, first, lost)) got += ": " + first.str();
  return losses == 0 ? CheckResult::pass(expected, got, file) : CheckResult::fail(expected, got, file);
}

Result<CheckResult> data_buffer(const Evidence& evidence, const CheckParameters&) {
  return judge_data_buffer(CP_TRY(CP_TRY(evidence.vmcore())->dmesg()), CP_TRY(evidence.vmcore_file()));
}

Result<CheckResult> data_buffer_at_crash(const Evidence& evidence, const CheckParameters&) {
  return judge_data_buffer_at_crash(CP_TRY(CP_TRY(evidence.vmcore())->dmesg()),
                                    CP_TRY(evidence.vmcore_file()));
}

}  // namespace

void register_workarea_checks(CheckRegistry& registry) {
  registry.add({"workarea.served", "Every request for an RTAS work area was served, or waits", {}, served});
  registry.add({"workarea.fair",
                "RTAS work areas: first come, first served",
                {{"most", "how many later requests may be served at each turn", kMostOvertaken}},
                fair});
  registry.add({"workarea.pool",
                "The pool of RTAS work areas agrees with what was given out",
                {{"idle", "nothing is given out any more", true}},
                agreeing_pool});
  registry.add({"workarea.arena", "RTAS work areas lie where RTAS can use them", {}, arena_in_reach});
  registry.add({"workarea.waiters",
                "Who waits for an RTAS work area at the crash",
                {{"least", "how many there have to be", std::int64_t{8}}},
                waiters});
  registry.add(
      {"workarea.second-kernel", "The second kernel's own RTAS work areas work", {}, second_kernel_reads});
  registry.add(
      {"workarea.busy-reads", "No read of a system parameter is lost to busy firmware", {}, busy_reads});
  registry.add({"workarea.data-buffer", "Tasks have rtas_data_buf one at a time", {}, data_buffer});
  registry.add(
      {"workarea.data-buffer-at-crash", "A task has rtas_data_buf at the crash", {}, data_buffer_at_crash});
}

}  // namespace crashpath
