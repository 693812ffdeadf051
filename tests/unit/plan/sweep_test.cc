#include "harness/plan/sweep.h"

#include <gmock/gmock.h>

#include "harness/plan/plan.h"
#include "harness/trial/script.h"

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
namespace json = boost::json;

class SweepTest : public testing::Test {
 protected:
  SweepTest() {
    for (const char* name :
         {"second-kernel.alive", "kernel.panic-message", "vmcore.readable", "kernel.taint"}) {
      Check check{.name = name, .summary = ""};
      if (check.name == "kernel.panic-message")
        check.parameters = {{.name = "pattern", .help = "", .example = std::string("x")},
                            {.name = "may_be_silent", .help = "", .example = true}};
      checks_.add(check);
    }
    base_ = parse_scenario(R"(name = "panic.sysrq"
summary = "s"
default = true
[machine]
cpus = 3
[kernel]
append = "quiet"
[[step]]
run = "write"
path = "/proc/sys/kernel/printk"
text = "8"
[trigger]
kind = "sysrq-c"
[[expect]]
check = "kernel.taint"
)",
                           "base.toml", checks_)
                .value();
  }
  std::vector<SweepPoint> points(const SweepRequest& request, const char* answer = "{}") {
    return make_sweep_points(request, base_, json::parse(answer).as_object()).value();
  }
  Scenario parse(const SweepPoint& point) {
    return parse_scenario(point.text, "point.toml", checks_).value();
  }

  CheckRegistry checks_;
  Scenario base_;
};

constexpr const char* kStates =
    R"({"states": [{"number": 57, "name": "irqchip/arm/gicv3:starting"}, {"number": 213, "name": "<dead>"}]})";

TEST_F(SweepTest, EveryStateIsCrashedInBothDirectionsOnTheLastCpu) {
  const auto all = points({.kind = SweepKind::cpuhp}, kStates);
  ASSERT_THAT(all, SizeIs(4));
  EXPECT_EQ(all[0].scenario, "sweep.cpuhp.57-irqchip-arm-gicv3-starting.teardown");
  EXPECT_EQ(all[0].row, "57 irqchip/arm/gicv3:starting");
  EXPECT_EQ(all[3].scenario, "sweep.cpuhp.213-dead.startup");
  const Scenario scenario = parse(all[3]);
  EXPECT_EQ(scenario.trigger->kind, "crash-point");
  EXPECT_EQ(scenario.trigger->cpu, 2);
  EXPECT_EQ(scenario.trigger->arguments.at("point"), "cpuhp_state=213 direction=startup cpu=2");
}

TEST_F(SweepTest, ACrashWithACpuOfflineGetsASecondKernelWithOneCpu) {
  const char* functions = R"({"functions": ["a"]})";
  EXPECT_EQ(parse(points({.kind = SweepKind::cpuhp}, kStates).front()).capture.append, "nr_cpus=1");
  EXPECT_EQ(parse(points({.kind = SweepKind::functions}, functions).front()).capture.append, "nr_cpus=1");
  const SweepRequest rtas{.kind = SweepKind::functions, .workload = "rtas"};
  EXPECT_EQ(parse(points(rtas, functions).front()).capture.append, "");
  EXPECT_EQ(parse(points({.kind = SweepKind::triggers}).front()).capture.append, "");
}

TEST_F(SweepTest, APointBeginsAsItsBaseDoes) {
  const Scenario scenario = parse(points({.kind = SweepKind::cpuhp}, kStates).front());
  EXPECT_EQ(scenario.machine.cpus, 3);
  EXPECT_EQ(scenario.kernel.append, "quiet");
  ASSERT_THAT(scenario.steps, SizeIs(1));
  EXPECT_EQ(scenario.steps[0].run, "write");
  EXPECT_FALSE(scenario.is_default);
  EXPECT_FALSE(scenario.capture.capture);
  std::vector<std::string> checks;
  for (const auto& expect : scenario.expects) checks.push_back(expect.check);
  EXPECT_THAT(checks, ElementsAre("kernel.panic-message", "second-kernel.*"));
}

TEST_F(SweepTest, WithCaptureTheDumpIsVerifiedToo) {
  const Scenario scenario = parse(points({.kind = SweepKind::cpuhp, .capture = true}, kStates).front());
  EXPECT_TRUE(scenario.capture.capture);
  EXPECT_EQ(scenario.expects.back().check, "vmcore.*");
}

TEST_F(SweepTest, TheAgentIsToldTheProbeAndTheWorkload) {
  const Scenario scenario = parse(points({.kind = SweepKind::cpuhp}, kStates).front());
  GuestImage image;
  image.architecture = find_architecture("arm64");
  const auto plan = make_plan({PlanRequest{.scenarios = {&scenario}, .images = {&image}}}).value();
  const auto script = make_script(plan.front()).value();
  const auto trigger =
      std::find_if(script.begin(), script.end(), [](const auto& step) { return step.run == "trigger"; });
  ASSERT_NE(trigger, script.end());
  EXPECT_EQ(trigger->arguments, json::parse(R"({"kind": "workload", "module": "crash_point",
      "params": "cpuhp_state=57 direction=teardown cpu=2", "workload": {"name": "cpuhp", "cpu": 2}})"));
}

TEST_F(SweepTest, FunctionsAreSpreadEvenlyAndNamedApart) {
  const auto all = points({.kind = SweepKind::functions, .hit = 3, .limit = 3},
                          R"({"functions": ["a", "b", "Its_Free", "its_free", "e", "mod:f.isra.0"]})");
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_EQ(all[1].row, "Its_Free");
  EXPECT_EQ(all[1].scenario, "sweep.functions.0001-its_free.hit-3");
  EXPECT_EQ(parse(all[2]).trigger->arguments.at("point"), "symbol=e hit=3");
}

TEST_F(SweepTest, FunctionsThatShareTheirNameAreMarked) {
  const auto all =
      points({.kind = SweepKind::functions}, R"({"functions": ["a", "b"], "ambiguous": ["b"], "lost": 0})");
  EXPECT_EQ(all[0].row, "a");
  EXPECT_EQ(all[1].row, "b (one of several)");
}

TEST_F(SweepTest, AListWithHolesIsNoList) {
  const auto lossy = make_sweep_points({.kind = SweepKind::functions}, base_,
                                       json::parse(R"({"functions": ["a"], "lost": 7})").as_object());
  ASSERT_FALSE(lossy);
  EXPECT_THAT(lossy.error().message(), HasSubstr("lost 7 calls"));
}

TEST_F(SweepTest, FunctionsComeFromGlobsOrFromTheWorkload) {
  EXPECT_EQ(sweep_question({.kind = SweepKind::functions, .functions = {"its_*"}}, base_)->run,
            "functions.list");
  const auto recorded = sweep_question({.kind = SweepKind::functions, .workload = "rtas"}, base_);
  EXPECT_EQ(recorded->run, "functions.record");
  EXPECT_EQ(recorded->arguments.at("workload").at("name"), "rtas");
  EXPECT_FALSE(sweep_question({.kind = SweepKind::time}, base_));
}

TEST_F(SweepTest, InstantsReachFromTheWorkloadsStartToTheWindowsEnd) {
  const auto all = points({.kind = SweepKind::time, .instants = 3, .window_ms = 500});
  ASSERT_THAT(all, SizeIs(3));
  std::vector<std::int64_t> waits;
  for (const auto& point : all) waits.push_back(parse(point).steps.back().arguments.at("ms").as_int64());
  EXPECT_THAT(waits, ElementsAre(0, 250, 500));
  const Scenario last = parse(all[2]);
  EXPECT_EQ(last.steps.at(1).run, "workload");
  EXPECT_EQ(last.trigger->kind, "sysrq-c");
}

TEST_F(SweepTest, TriggersAreTriedOnEveryCpuWhereThatMakesADifference) {
  int sysrq = 0, nmi = 0, kexec = 0;
  for (const auto& point : points({.kind = SweepKind::triggers})) {
    sysrq += point.row == "sysrq-c";
    nmi += point.row == "nmi";
    kexec += point.row == "kexec";
    parse(point);
  }
  EXPECT_EQ(sysrq, 3);
  EXPECT_EQ(nmi, 1);
  EXPECT_EQ(kexec, 0);
}

TEST_F(SweepTest, RefusesWhatCannotBeSwept) {
  const auto no_cpu = make_sweep_points({.kind = SweepKind::cpuhp, .cpu = 3}, base_, {});
  ASSERT_FALSE(no_cpu);
  EXPECT_EQ(no_cpu.error().fault(), Fault::usage);
  EXPECT_THAT(no_cpu.error().message(), HasSubstr("CPUs 0 to 2"));
  EXPECT_EQ(make_sweep_points({.kind = SweepKind::functions}, base_, {{"functions", json::array()}})
                .error()
                .fault(),
            Fault::usage);
  for (const char* answer :
       {"{}", R"({"states": 1})", R"({"states": [1]})", R"({"states": [{"number": -0.5}]})"}) {
    const auto broken = make_sweep_points({.kind = SweepKind::cpuhp}, base_, json::parse(answer).as_object());
    ASSERT_FALSE(broken) << answer;
    EXPECT_EQ(broken.error().fault(), Fault::guest);
  }
}

}  // namespace
}  // namespace crashpath
