#pragma once

// A run with one trial of every outcome, as verdicts and images make them.

#include "harness/report/results.h"

namespace crashpath {

inline TrialResult sample_trial(const std::string& scenario, Outcome outcome, Stage stage,
                                std::string words) {
  TrialResult trial;
  trial.architecture = "arm64";
  trial.kernel_release = "6.12.95+deb12-arm64";
  trial.kernel_package = "linux-image-6.12.95+deb12-arm64";
  trial.kernel_version = "6.12.95-1~bpo12+1";
  trial.kernel_flavour = "arm64";
  trial.kernel_spec = "6.12";
  trial.scenario = scenario;
  trial.id = "arm64-6.12-" + scenario + "-1";
  trial.machine = {{"cpus", 4}, {"memory_mib", 2048}};
  trial.verdict.outcome = outcome;
  trial.verdict.stage = stage;
  trial.verdict.words = std::move(words);
  return trial;
}

/// Enters stages up to the one in which the trial ended.
inline void enter_stages(Verdict& verdict) {
  double at = 0;
  for (const Stage stage : kStages) {
    if (stage > verdict.stage) break;
    verdict.entered[stage] = at;
    at += stage == Stage::image ? 0.0 : 2.25;
  }
  verdict.seconds = at;
}

inline Results sample_results() {
  Results results{
      .run = "2030-01-31T12-34-56", .started = "2030-01-31T12:34:56Z", .seconds = 57.25, .trials = {}};

  auto passed = sample_trial("panic.sysrq", Outcome::pass, Stage::verify, "");
  passed.dump = "vmcore";
  passed.verdict.checks = {{"second-kernel.alive", CheckResult::pass("a report", "a report", "agent.jsonl")},
                           {"vmcore.readable", CheckResult::pass("elf or kdump", "elf", "vmcore")},
                           {"vmcore.registers", CheckResult::skip("this kernel saves none")}};

  auto failed = sample_trial(
      "panic.oops", Outcome::fail, Stage::verify,
      "vmcore.ranges: expected every PT_LOAD inside of System RAM, got 0x0-0xffff outside of it");
  failed.dump = "vmcore.kdump";
  failed.verdict.checks = {
      {"second-kernel.alive", CheckResult::pass("a report", "a report", "agent.jsonl")},
      {"vmcore.ranges",
       CheckResult::fail("every PT_LOAD inside of System RAM of the first kernel's /proc/iomem",
                         "0x0-0xffff outside of it, and 0x40000000-0x47ffffff twice",
                         "vmcore program header 3")}};

  auto hung = sample_trial(
      "panic.hardirq", Outcome::fail, Stage::second_kernel,
      "no sign of the second kernel's agent in 90 s; last console line: [    0.000000] Linux version 6.12");
  hung.verdict.checks = {
      {"second-kernel.alive", CheckResult::skip("the trial ended in stage second-kernel")}};

  auto expected =
      sample_trial("panic.softirq", Outcome::xfail, Stage::handover, "no sign of the second kernel");
  expected.verdict.known_issue = "the RTAS lock is held for ever";
  auto unexpected = sample_trial("panic.oom", Outcome::xpass, Stage::verify, "");
  unexpected.verdict.known_issue = "no memory for the crash kernel";
  unexpected.verdict.checks = {
      {"second-kernel.alive", CheckResult::pass("a report", "a report", "agent.jsonl")}};
  auto skipped = sample_trial("panic.nmi", Outcome::skip, Stage::image, "this arm64 machine has no nmi");
  auto broken = sample_trial("kexec.plain", Outcome::error, Stage::arm, "QEMU was killed by signal 9");

  results.trials = {passed, failed, hung, expected, unexpected, skipped, broken};
  for (auto& trial : results.trials) enter_stages(trial.verdict);
  return results;
}

}  // namespace crashpath
