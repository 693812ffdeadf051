#include <gmock/gmock.h>

#include "harness/base/file.h"
#include "tests/unit/checks/run_check.h"

namespace crashpath {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kArmed = "device-state-armed.json";
constexpr const char* kCrash = "device-state-crash.json";
constexpr const char* kSecond = "device-state-second-kernel.json";

CheckParameters policy(const char* which) {
  return {{"policy", std::string(which)}};
}

std::string vpa(const char* address) {
  return std::string(R"("spapr_cpu/vpa": {"vpa_addr": ")") + address + "\"}";
}

/// Moves a VPA of the first kernel, for all that it and the hypervisor know of it.
void move_vpa(TrialCopy& trial, const char* from, const char* to) {
  trial.replace(kArmed, vpa(from), vpa(to));
  trial.replace(kCrash, vpa(from), vpa(to));
}

/// Inverts a byte of CPU 1's VPA in the dump, which is the last one of the file.
void flip_in_vpa(TrialCopy& trial, std::uintmax_t offset) {
  const std::size_t at =
      read_file(trial.path("vmcore")).value().rfind(std::string("\xd3\x97\xd7\x81\x04\x00", 6));
  ASSERT_NE(at, std::string::npos);
  trial.flip_byte("vmcore", at + offset);
}

TEST(VpaPolicy, AKernelThatKeepsThem) {
  const TrialCopy trial("pseries-6.12-vpa");
  const CheckResult any = run_check(trial, "vpa.policy");
  EXPECT_THAT(any, Passes());
  EXPECT_THAT(any.got, HasSubstr("kept; left registered: CPU 0, 1, 2, 3"));
  EXPECT_THAT(run_check(trial, "vpa.policy", policy("kept")), Passes());
  EXPECT_THAT(run_check(trial, "vpa.policy", policy("dropped")), FailsWith("kept; left registered: CPU 0"));
}

TEST(VpaPolicy, AKernelThatDropsThem) {
  const TrialCopy trial("pseries-7.2-vpa");
  EXPECT_THAT(run_check(trial, "vpa.policy"), Passes());
  EXPECT_THAT(run_check(trial, "vpa.policy", policy("dropped")), Passes());
  EXPECT_THAT(run_check(trial, "vpa.policy", policy("kept")),
              FailsWith("dropped; deregistered: CPU 0, 1, 2, 3"));
}

TEST(VpaPolicy, ACpuThatIsTreatedDifferentlyFailsWhateverThePolicy) {
  TrialCopy trial("pseries-6.12-vpa");
  trial.replace(kCrash, vpa("0x3fffe800"), "");
  for (const char* which : {"any", "kept", "dropped"})
    EXPECT_THAT(run_check(trial, "vpa.policy", policy(which)),
                FailsWith("mixed; left registered: CPU 0, 1, 3; deregistered: CPU 2"));
}

TEST(VpaPolicy, AVpaThatNeitherKernelRegisteredFails) {
  TrialCopy trial("pseries-6.12-vpa");
  trial.replace(kCrash, vpa("0x3fffe800"), vpa("0x3fffe400"));
  EXPECT_THAT(run_check(trial, "vpa.policy"),
              FailsWith("CPU 2 has one at 0x3fffe400, which was at 0x3fffe800"));
  TrialCopy offline("pseries-6.12-vpa");
  offline.replace(kArmed, vpa("0x3fffe800"), "");
  EXPECT_THAT(run_check(offline, "vpa.policy"),
              FailsWith("CPU 2 has one at 0x3fffe800, which was not registered"));
}

TEST(VpaPolicy, ACpuOfTheSecondKernelSaysNothingOfTheFirst) {
  TrialCopy trial("pseries-6.12-vpa");
  trial.replace(kCrash, vpa("0x3ffff400"), vpa("0x8800"));
  const CheckResult result = run_check(trial, "vpa.policy", policy("kept"));
  EXPECT_THAT(result, Passes());
  EXPECT_THAT(result.got, HasSubstr("the second kernel's already: CPU 1"));
  for (const char* address : {"0x28a0800", "0x3fffe800", "0x3fffdc00"})
    trial.replace(kCrash, vpa(address), vpa("0x2fff7c00"));
  EXPECT_THAT(run_check(trial, "vpa.policy"), FailsWith("undecided"));
}

TEST(VpaPolicy, NoCpuHadOneIsNoPolicy) {
  TrialCopy trial("pseries-7.2-vpa");
  std::filesystem::copy_file(trial.path(kCrash), trial.path(kArmed),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(run_check(trial, "vpa.policy"), FailsWith("undecided; had none: CPU 0, 1, 2, 3"));
}

TEST(VpaPolicy, IsSkippedWhereThereCanBeNoEvidenceAndFailsWhereItIsMissing) {
  TrialCopy trial("pseries-6.12-vpa");
  EXPECT_THAT(run_check(trial, "vpa.policy", policy("sometimes")),
              FailsWith("\"sometimes\" is none of kept"));
  EXPECT_EQ(run_check(TrialCopy("arm64-6.12"), "vpa.policy").outcome, Outcome::skip);
  trial.remove(kCrash);
  EXPECT_THAT(run_check(trial, "vpa.policy"), FailsWith(kCrash));
  write_file(trial.path("moments.jsonl"),
             R"({"moment":"crash","lacking":{"device-state-crash.json":"no such machine"}})"
             "\n")
      .value();
  const CheckResult result = run_check(trial, "vpa.policy");
  EXPECT_EQ(result.outcome, Outcome::skip);
  EXPECT_THAT(result.got, HasSubstr("no such machine"));
}

TEST(VpaPlacement, PassesOnRealTrials) {
  EXPECT_THAT(run_check(TrialCopy("pseries-6.12-vpa"), "vpa.placement").got,
              HasSubstr("4 at \"armed\", 4 at \"crash\""));
  EXPECT_THAT(run_check(TrialCopy("pseries-6.12-vpa"), "vpa.placement"), Passes());
  EXPECT_THAT(run_check(TrialCopy("pseries-7.2-vpa"), "vpa.placement"), Passes());
}

TEST(VpaPlacement, FailsForEachRule) {
  const struct {
    const char *to, *words;
  } cases[] = {
      {"0x28000000", "CPU 2's VPA 0x28000000-0x280003ff is in the crash kernel's reservation"},
      {"0x3fffe880", "is not at a multiple of 0x400"},
      {"0x3fffee00", "crosses a 4 KiB boundary"},
      {"0x40000000", "is not in the first kernel's System RAM"},
      {"0x3ffff400", "CPU 1's VPA 0x3ffff400-0x3ffff7ff overlaps CPU 2's VPA 0x3ffff400-0x3ffff7ff"},
      {"0xfffffffffffffc00", "is not in the first kernel's System RAM"},
  };
  for (const auto& one : cases) {
    TrialCopy trial("pseries-6.12-vpa");
    move_vpa(trial, "0x3fffe800", one.to);
    EXPECT_THAT(run_check(trial, "vpa.placement"), FailsWith(one.words)) << one.to;
  }
}

TEST(VpaPlacement, JudgesSlbShadowsAndTraceLogs) {
  TrialCopy trial("pseries-6.12-vpa");
  trial.replace(kArmed, R"("0x3fffe800")",
                R"("0x3fffe800", "spapr_cpu/vpa/slb_shadow": {"slb_shadow_addr": "0x2ffff000",)"
                R"( "slb_shadow_size": "0x80"}, "spapr_cpu/vpa/dtl": {"dtl_addr": "0x3ffff000",)"
                R"( "dtl_size": "0x1000"})");
  const CheckResult result = run_check(trial, "vpa.placement");
  EXPECT_THAT(result,
              FailsWith("CPU 2's SLB shadow 0x2ffff000-0x2ffff07f is in the crash kernel's reservation"));
  EXPECT_THAT(result.got, HasSubstr("overlaps CPU 2's dispatch trace log 0x3ffff000-0x3fffffff"));
}

TEST(VpaPlacement, FailsWhenNoCpuHasOne) {
  TrialCopy trial("pseries-7.2-vpa");
  std::filesystem::copy_file(trial.path(kCrash), trial.path(kArmed),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(run_check(trial, "vpa.placement"), FailsWith("no CPU has a VPA"));
}

TEST(VpaSecondKernel, HasOneForEachOfItsCpus) {
  const CheckResult result = run_check(TrialCopy("pseries-6.12-vpa"), "vpa.second-kernel");
  EXPECT_THAT(result, Passes());
  EXPECT_THAT(result.got, AllOf(HasSubstr("4 of its own"), HasSubstr("CPU 1's VPA 0x8800-0x8bff")));
  EXPECT_THAT(run_check(TrialCopy("pseries-7.2-vpa"), "vpa.second-kernel"), Passes());
}

TEST(VpaSecondKernel, MayRunOnOneCpuAndLeaveTheOthers) {
  TrialCopy trial("pseries-6.12-vpa");
  std::filesystem::copy_file(trial.path(kCrash), trial.path(kSecond),
                             std::filesystem::copy_options::overwrite_existing);
  trial.replace(kSecond, vpa("0x3ffff400"), vpa("0x8800"));
  EXPECT_THAT(run_check(trial, "vpa.second-kernel"), FailsWith("1 of its own"))
      << "it says that it has 4 CPUs";
  trial.set_guest_file("second", "/sys/devices/system/cpu/online", "0\n");
  const CheckResult result = run_check(trial, "vpa.second-kernel");
  EXPECT_THAT(result, Passes());
  EXPECT_THAT(result.got, HasSubstr("the first kernel's still are CPU 0's VPA 0x28a0800-0x28a0bff"));
}

TEST(VpaSecondKernel, FailsForOneThatIsMissingOrInTheFirstKernelsMemory) {
  TrialCopy trial("pseries-6.12-vpa");
  trial.replace(kSecond, vpa("0x2fff7c00"), "");
  EXPECT_THAT(run_check(trial, "vpa.second-kernel"), FailsWith("3 of its own"));
  TrialCopy outside("pseries-6.12-vpa");
  outside.replace(kSecond, vpa("0x2fff7c00"), vpa("0x30000000"));
  EXPECT_THAT(run_check(outside, "vpa.second-kernel"),
              FailsWith("CPU 2's VPA 0x30000000-0x300003ff is not in the second kernel's memory"));
  TrialCopy odd("pseries-6.12-vpa");
  odd.replace(kSecond, vpa("0x2fff7c00"), vpa("0x2fff7e00"));
  EXPECT_THAT(run_check(odd, "vpa.second-kernel"), FailsWith("crosses a 4 KiB boundary"));
}

TEST(VpaSecondKernel, APlainKexecLeavesNoneBehind) {
  TrialCopy trial("pseries-7.2-vpa");
  trial.replace("trial.json", "\"sysrq-c\"", "\"kexec\"");
  trial.set_guest_file("second", "/sys/devices/system/cpu/online", "0-2\n");
  EXPECT_THAT(run_check(trial, "vpa.second-kernel"), FailsWith("4 of its own"));
  EXPECT_THAT(run_check(trial, "vpa.policy", policy("dropped")), Passes());
}

TEST(VpaLppaca, SaysWhatTheDumpHas) {
  const CheckResult result = run_check(TrialCopy("pseries-6.12-vpa"), "vpa.lppaca");
  EXPECT_THAT(result, Passes());
  EXPECT_THAT(result.got, HasSubstr("CPU 1 at 0x3ffff400: size 0x400, yield_count 139796"));
}

TEST(VpaLppaca, FailsForWhatIsNone) {
  const struct {
    std::uintmax_t offset;
    const char* words;
  } cases[] = {{0, "desc is 0x2c97d781"}, {4, "its size is 64256"}, {9, "not marked it as that of a shared"}};
  for (const auto& one : cases) {
    TrialCopy trial("pseries-6.12-vpa");
    flip_in_vpa(trial, one.offset);
    EXPECT_THAT(run_check(trial, "vpa.lppaca"), FailsWith(one.words));
  }
}

TEST(VpaLppaca, FailsWhereTheDumpHasNoSuchPage) {
  TrialCopy trial("pseries-6.12-vpa");
  move_vpa(trial, "0x3fffe800", "0x30000000");
  EXPECT_THAT(run_check(trial, "vpa.lppaca"), FailsWith("0x30000000"));
  EXPECT_THAT(run_check(TrialCopy("pseries-7.2-vpa"), "vpa.lppaca"), FailsWith("no dump was captured"));
}

TEST(VpaOnlyYieldCount, FindsWhatTheHypervisorCountedFrom) {
  const CheckResult result = run_check(TrialCopy("pseries-6.12-vpa"), "vpa.only-yield-count");
  EXPECT_THAT(result, Passes());
  EXPECT_THAT(result.got, HasSubstr("0x3ffff000 from 129115 to 139796"));
}

TEST(VpaOnlyYieldCount, AnotherCountIsNoChangeAndAnotherByteIsOne) {
  TrialCopy count("pseries-6.12-vpa");
  flip_in_vpa(count, 0x103);
  EXPECT_THAT(run_check(count, "vpa.only-yield-count"), Passes());
  TrialCopy other("pseries-6.12-vpa");
  flip_in_vpa(other, 0x104);
  EXPECT_THAT(run_check(other, "vpa.only-yield-count"),
              FailsWith("changed otherwise, or counted more than 16777216 times: 0x3ffff000"));
}

TEST(VpaOnlyYieldCount, JudgesNoPageOfSeveralVpasAndIsSkippedWithoutAny) {
  TrialCopy trial("pseries-6.12-vpa");
  move_vpa(trial, "0x3fffe800", "0x3ffff800");
  EXPECT_THAT(run_check(trial, "vpa.only-yield-count").got,
              HasSubstr("several VPAs in one page, not judged: 0x3ffff000"));
  std::filesystem::copy_file(TrialCopy("pseries-7.2-vpa").path(kCrash), trial.path(kCrash),
                             std::filesystem::copy_options::overwrite_existing);
  const CheckResult none = run_check(trial, "vpa.only-yield-count");
  EXPECT_EQ(none.outcome, Outcome::skip);
  EXPECT_THAT(none.got, HasSubstr("left no VPA registered"));
}

TEST(VpaComplaints, PassesOnRealTrials) {
  EXPECT_THAT(run_check(TrialCopy("pseries-6.12-vpa"), "vpa.complaints"), Passes());
  EXPECT_THAT(run_check(TrialCopy("pseries-7.2-vpa"), "vpa.complaints"), Passes());
}

TEST(VpaComplaints, FailsForAKernelsAndForTheHypervisorsWords) {
  TrialCopy kernel("pseries-6.12-vpa");
  kernel.replace("console-second.log", "Kernel command line:",
                 "WARNING: VPA registration for cpu 3 (hw 3) of area 3fffdc00 failed with -4; was");
  EXPECT_THAT(run_check(kernel, "vpa.complaints"), FailsWith("area 3fffdc00 failed with -4"));
  TrialCopy hypervisor("pseries-6.12-vpa");
  write_file(
      hypervisor.path("qemu.log"),
      "Unimplemented SPAPR hcall 0xf080\nregister_vpa: Can't cope with registering a VPA at logical 0\n")
      .value();
  EXPECT_THAT(run_check(hypervisor, "vpa.complaints"), FailsWith("qemu.log:2: register_vpa: Can't cope"));
  write_file(hypervisor.path("qemu.log"),
             "VPA: incorrect dispatch counter value for preempted partition 12, correcting.\n")
      .value();
  EXPECT_THAT(run_check(hypervisor, "vpa.complaints"),
              FailsWith("incorrect dispatch counter value for preempted"));
}

TEST(VpaComplaints, IsSkippedWhereTheHypervisorWasNotAsked) {
  TrialCopy trial("pseries-6.12-vpa");
  trial.replace("host.json", "guest_errors", "page");
  EXPECT_EQ(run_check(trial, "vpa.complaints").outcome, Outcome::skip);
  trial.remove("host.json");
  EXPECT_THAT(run_check(trial, "vpa.complaints"), FailsWith("host.json"));
}

}  // namespace
}  // namespace crashpath
