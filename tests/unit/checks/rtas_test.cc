#include <fstream>

#include "tests/unit/checks/run_check.h"

namespace crashpath {
namespace {

using namespace std::string_view_literals;
using testing::HasSubstr;

/// A CPU stuck in RTAS with XICS, while the crashing one had an emergency buffer.
constexpr std::string_view kEmergency = "pseries-6.12-rtas-emergency";
const CheckParameters kByEmergency = {{"by", "rtas_emergency_args"}};

TEST(RtasCrashCalls, ListsThemByNameInOrder) {
  const CheckResult result = run_check(TrialCopy(kEmergency), "rtas.crash-calls", kByEmergency);
  EXPECT_THAT(result, Passes());
  EXPECT_THAT(result.got,
              testing::StartsWith("ibm,int-off(0x1000) = 0; ibm,set-xive(0x1000,0x0,0xff) = 0; "));
  EXPECT_THAT(result.got, HasSubstr(" more"));
}

TEST(RtasCrashCalls, FailWithoutWhatHasToBeAmongThem) {
  const TrialCopy trial(kEmergency);
  EXPECT_THAT(run_check(trial, "rtas.crash-calls"), FailsWith("none"));  // rtas_hold said none
  CheckParameters wanted = kByEmergency;
  wanted["status"] = std::int64_t{-2};
  EXPECT_THAT(run_check(trial, "rtas.crash-calls", wanted), FailsWith("ibm,int-off(0x1000) = 0"));
  wanted = kByEmergency;
  wanted["named"] = "ibm,os-term";
  EXPECT_THAT(run_check(trial, "rtas.crash-calls", wanted), FailsWith("ibm,int-off(0x1000) = 0"));
}

TEST(RtasEmergencyBuffer, LiesWhereRtasCanUseIt) {
  TrialCopy trial(kEmergency);
  EXPECT_THAT(run_check(trial, "rtas.emergency-buffer"), Passes());
  trial.replace("vmcore", "bytes, limit 0x40000000", "bytes, limit 0x00000040");
  EXPECT_THAT(run_check(trial, "rtas.emergency-buffer"), FailsWith("limit 0x40"));
  trial.replace("vmcore", "rtas_emergency_args: buffer", "rtas_emergency_args: bluffs");
  EXPECT_THAT(run_check(trial, "rtas.emergency-buffer"), FailsWith("no line of the emergency buffer"));
}

TEST(RtasHeldArgs, AreAsTheStuckCpuLeftThem) {
  TrialCopy trial(kEmergency);
  const CheckResult result = run_check(trial, "rtas.held-args");
  EXPECT_THAT(result, Passes());
  EXPECT_THAT(result.expected, HasSubstr("ibm,get-system-parameter"));
  EXPECT_THAT(result.got, HasSubstr("arguments 0x14 0x1000 0xfe0, results 0x0"));
  // What ibm,int-off of interrupt 0x1000 would leave there: one argument, one result.
  trial.replace("vmcore", "\0\0\x20\x08\0\0\0\x03\0\0\0\x01\0\0\0\x14"sv,
                "\0\0\x20\x0c\0\0\0\x01\0\0\0\x01\0\0\x10\0"sv);
  EXPECT_THAT(run_check(trial, "rtas.held-args"), FailsWith("token 8204, arguments 0x1000, results 0x1000"));
  trial.replace("vmcore", "is in RTAS", "is at home");
  EXPECT_THAT(run_check(trial, "rtas.held-args"), FailsWith("no such line of rtas_hold"));
}

TEST(RtasOsTerm, IsWhatTheHypervisorSaw) {
  TrialCopy trial(kEmergency);
  EXPECT_THAT(run_check(trial, "rtas.os-term"), FailsWith("qmp.jsonl"));
  std::ofstream(trial.path("qmp.jsonl")) << R"({"t":9.5,"event":"SHUTDOWN","data":{"reason":"guest-reset"}})"
                                         << "\n";
  EXPECT_THAT(run_check(trial, "rtas.os-term"), FailsWith("no such event"));
  std::ofstream(trial.path("qmp.jsonl"))
      << R"({"t":9.5,"event":"GUEST_PANICKED","data":{"action":"poweroff"}})"
      << "\n";
  EXPECT_THAT(run_check(trial, "rtas.os-term"), Passes());
}

}  // namespace
}  // namespace crashpath
