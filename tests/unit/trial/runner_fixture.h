#pragma once

// A trial run against a FakeMachine, for tests of harness/trial/runner.

#include <gmock/gmock.h>
#include <unistd.h>

#include "harness/base/file.h"
#include "harness/evidence/directory.h"
#include "harness/machine/fake_machine.h"
#include "harness/trial/runner.h"

namespace crashpath {

namespace json = boost::json;

inline constexpr const char* kHelloFirst = R"({"type":"hello","kernel":"first","seq":1,"generation":0})";
inline constexpr const char* kHelloSecond = R"({"type":"hello","kernel":"second","seq":1,"generation":0})";

class SilentObserver : public TrialObserver {
 public:
  void stage_entered(Stage) override {}
  void console_line(std::string_view) override {}
  void capture_progress(std::uint64_t, std::uint64_t) override {}
};

/// A guest agent that agrees to everything: answers each command with ok.
inline void agree(FakeMachine& machine, std::string_view line) {
  const json::object command = json::parse(line).as_object();
  json::object answer{{"type", command.at("run") == "report" ? "report" : "result"},
                      {"kernel", "first"},
                      {"id", command.at("id")},
                      {"ok", true},
                      {"data", json::object()}};
  machine.replies(json::serialize(answer));
}

class RunnerTest : public testing::Test {
 protected:
  RunnerTest() {
    directory_ = std::filesystem::path(testing::TempDir()) / ("runner_test." + std::to_string(getpid()));
    std::filesystem::remove_all(directory_);
    image_.architecture = find_architecture("arm64");
    scenario_.name = "panic.sysrq";
    scenario_.trigger = ScenarioTrigger{.kind = "sysrq-c", .cpu = std::nullopt, .arguments = {}};
    scenario_.capture.capture = false;  // no guest, no dump: what is tested is the way there
    trial_.id = "test";
    trial_.scenario = &scenario_;
    trial_.image = &image_;
    trial_.machine.architecture = image_.architecture;
    trial_.machine.memory_mib = 64;
  }
  ~RunnerTest() override { std::filesystem::remove_all(directory_); }

  Timeline run(std::function<void(FakeMachine&)> script) {
    const MachineFactory factory = [&](const MachineConfig& config) -> Result<std::unique_ptr<Machine>> {
      auto machine = std::make_unique<FakeMachine>(config);
      script(*machine);
      return std::unique_ptr<Machine>(std::move(machine));
    };
    const auto ran = run_trial(trial_, directory_, factory, observer_, interruption_);
    EXPECT_TRUE(ran) << ran.error().to_string();
    return read_timeline(directory_ / evidence_file::kTimeline).value();
  }

  std::filesystem::path directory_;
  GuestImage image_;
  Scenario scenario_;
  PlannedTrial trial_;
  SilentObserver observer_;
  Interruption interruption_;
};

inline std::vector<Stage> stages_of(const Timeline& timeline) {
  std::vector<Stage> stages;
  for (const auto& entered : timeline.stages) stages.push_back(entered.stage);
  return stages;
}

}  // namespace crashpath
