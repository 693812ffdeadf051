#include "harness/trial/scenario.h"

#include <gmock/gmock.h>

#include <fstream>

#include "harness/base/file.h"

namespace crashpath {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

CheckRegistry registry() {
  CheckRegistry registry;
  const auto nothing = [](const Evidence&, const CheckParameters&) -> Result<CheckResult> {
    return CheckResult::skip("not asked");
  };
  registry.add(MemoryWitness{"lpi-tables", "", {}, {}});
  registry.add({.name = "second-kernel.alive", .summary = "", .run = nothing});
  registry.add({.name = "second-kernel.release-matches", .summary = "", .run = nothing});
  registry.add(
      {.name = "vpa.policy",
       .summary = "",
       .parameters =
           {{.name = "policy", .help = "kept or dropped", .example = std::string("kept"), .required = true},
            {.name = "at_most", .help = "how many", .example = std::int64_t{3}}},
       .run = nothing});
  return registry;
}

Result<Scenario> parse(const std::string& text) {
  return parse_scenario(text, "dir/x.toml", registry());
}

std::string with(const std::string& rest) {
  return "name = \"a.b\"\nsummary = \"s\"\n" + rest;
}
const std::string kExpect = "[[expect]]\ncheck = \"second-kernel.alive\"\n";

std::string error_of(const std::string& text) {
  const auto scenario = parse(text);
  if (scenario) return "no error";
  EXPECT_EQ(scenario.error().fault(), Fault::usage);
  return scenario.error().to_string();
}

TEST(Scenario, ReadsEverythingThatOneMaySay) {
  const auto parsed = parse(R"(name    = "vpa.left-registered"
summary = "A crash leaves VPAs registered"
why     = "the crash path makes no call that it can avoid"
arch    = ["pseries"]
needs   = ["cpus>=4", "kernel:CONFIG_PPC_SPLPAR", "machine:xics"]
default = true

[machine]
cpus = 6
ic_mode = "xics"

[kernel]
crashkernel = ""
append = "maxcpus=1"

[capture]
format = "elf"
integrity_check = true
kexec_args = ["--debug"]

[record]
device-state = ["crash"]
memory = ["armed", "second-kernel"]
symbols = ["gic_rdists", "t.12"]
pages = ["lpi-tables"]
trace = ["gicv3_redist_write"]

[[step]]
run = "cpu.offline"
cpu = 5

[[step]]
kernel = "second"
run = "workload"
name = "sysparm"

[trigger]
kind = "panic-in-irq"
cpu = 2

[[expect]]
check = "second-kernel.*"
[[expect]]
check = "vpa.policy"
policy = "kept"
)");
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  const Scenario& scenario = *parsed;
  EXPECT_EQ(scenario.name, "vpa.left-registered");
  EXPECT_TRUE(scenario.is_default);
  EXPECT_TRUE(scenario.supports(*find_architecture("pseries")));
  EXPECT_FALSE(scenario.supports(*find_architecture("arm64")));
  EXPECT_EQ(scenario.needs.size(), 3u);
  EXPECT_EQ(scenario.machine.cpus, 6);
  EXPECT_EQ(scenario.machine.ic_mode, "xics");
  EXPECT_FALSE(scenario.machine.memory_mib);
  EXPECT_EQ(scenario.kernel.crashkernel, "");
  EXPECT_EQ(scenario.kernel.append, "maxcpus=1");
  EXPECT_EQ(scenario.capture.format, "elf");
  EXPECT_EQ(scenario.capture.level, 31);
  EXPECT_TRUE(scenario.capture.integrity_check);
  EXPECT_THAT(scenario.capture.kexec_args, ElementsAre("--debug"));
  EXPECT_THAT(scenario.record.device_state, ElementsAre(Moment::crash));
  EXPECT_THAT(scenario.record.memory, ElementsAre(Moment::armed, Moment::second_kernel));
  EXPECT_THAT(scenario.record.symbols, ElementsAre("gic_rdists", "t.12"));
  ASSERT_EQ(scenario.record.pages.size(), 1U);
  EXPECT_EQ(scenario.record.pages[0].name, "lpi-tables");
  EXPECT_THAT(scenario.record.trace, ElementsAre("gicv3_redist_write"));
  ASSERT_EQ(scenario.steps.size(), 2u);
  EXPECT_EQ(scenario.steps[0].kernel, Kernel::first);
  EXPECT_EQ(scenario.steps[1].kernel, Kernel::second);
  EXPECT_EQ(scenario.steps[0].run, "cpu.offline");
  EXPECT_EQ(boost::json::serialize(scenario.steps[0].arguments), R"({"cpu":5})");
  EXPECT_EQ(scenario.trigger->cpu, 2);
  ASSERT_EQ(scenario.expects.size(), 2u);
  EXPECT_EQ(std::get<std::string>(scenario.expects[1].parameters.at("policy")), "kept");
  EXPECT_EQ(scenario.file, "dir/x.toml");
  EXPECT_THAT(scenario.text, StartsWith("name    ="));
}

TEST(Scenario, LeavesDefaultsWhereNothingIsSaid) {
  const auto scenario = parse(with(kExpect));
  ASSERT_TRUE(scenario) << scenario.error().to_string();
  EXPECT_THAT(scenario->architectures, ElementsAre("arm64", "pseries"));
  EXPECT_FALSE(scenario->kernel.crashkernel);
  EXPECT_TRUE(scenario->capture.load);
  EXPECT_EQ(scenario->capture.initramfs, "standard");
  EXPECT_THAT(scenario->record.device_state, ElementsAre(Moment::armed, Moment::second_kernel));
  EXPECT_THAT(scenario->record.memory, ElementsAre(Moment::captured));
  EXPECT_FALSE(scenario->trigger);
  EXPECT_FALSE(scenario->ends);
  EXPECT_FALSE(scenario->is_default);
}

struct Wrong {
  const char* name;
  std::string text;
  std::vector<std::string> says;
};
void PrintTo(const Wrong& wrong, std::ostream* out) {
  *out << wrong.name;
}

class WrongScenario : public testing::TestWithParam<Wrong> {};

TEST_P(WrongScenario, IsRefusedWithItsPlaceAndWords) {
  const std::string error = error_of(GetParam().text);
  for (const auto& words : GetParam().says) EXPECT_THAT(error, HasSubstr(words));
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongScenario,
    testing::Values(
        Wrong{"NoToml", "name = \n", {"dir/x.toml:1:"}},
        Wrong{"NoName", "summary = \"s\"\n" + kExpect, {"dir/x.toml:1:1: \"name\" is missing"}},
        Wrong{"NoSummary", "name = \"a.b\"\n" + kExpect, {"\"summary\" is missing"}},
        Wrong{
            "PathAsName", "name = \"../b\"\nsummary = \"s\"\n" + kExpect, {"dir/x.toml:1:1:", "is no name"}},
        Wrong{"UnknownKey",
              with("sumary = \"x\"\n" + kExpect),
              {"dir/x.toml:3:1: unknown key \"sumary\"; did you mean \"summary\"?"}},
        Wrong{"UnknownTable",
              with("[machin]\ncpus = 4\n" + kExpect),
              {"unknown key \"machin\"; did you mean \"machine\"?"}},
        Wrong{"UnknownKeyOfATable",
              with("[machine]\ncpu = 4\n" + kExpect),
              {"dir/x.toml:4:1: unknown key \"cpu\"; did you mean \"cpus\"?"}},
        Wrong{"WrongType",
              with("[machine]\ncpus = \"4\"\n" + kExpect),
              {"dir/x.toml:4:8: \"cpus\" must be an integer, not a string"}},
        Wrong{"TableExpected",
              with("machine = 4\n" + kExpect),
              {"dir/x.toml:3:11: \"machine\" must be a table"}},
        Wrong{"StepThatTheSecondKernelCannotDo",
              with("[[step]]\nkernel = \"second\"\nrun = \"cpu.offline\"\ncpu = 1\n" + kExpect),
              {"dir/x.toml:4:1: the second kernel can do exec, write, workload, but not \"cpu.offline\""}},
        Wrong{"StepOfASecondKernelThatThereIsNot",
              with("[[step]]\nkernel = \"second\"\nrun = \"workload\"\nname = \"rtas\"\n" + kExpect),
              {"without a [trigger] there is none"}},
        Wrong{"StringsExpected",
              with("arch = [1]\n" + kExpect),
              {"dir/x.toml:3:9: \"arch\" must hold strings only, not an integer"}},
        Wrong{"NoCpus",
              with("[machine]\ncpus = 0\n" + kExpect),
              {"dir/x.toml:4:1: \"cpus\" is 0, but must be 1 to"}},
        Wrong{"Architecture",
              with("arch = [\"arm\"]\n" + kExpect),
              {"dir/x.toml:3:1: unknown architecture \"arm\"", "known are arm64, pseries"}},
        Wrong{"Need",
              with("needs = [\"cpu>=4\"]\n" + kExpect),
              {"dir/x.toml:3:1: unknown need \"cpu>=4\"; possible are cpus>=N"}},
        Wrong{"NeedOfNoNumber",
              with("needs = [\"cpus>=many\"]\n" + kExpect),
              {"\"many\" is not a positive number"}},
        Wrong{"NeedOfVersion",
              with("needs = [\"linux>=6\"]\n" + kExpect),
              {"\"6\" is no version such as 5.17"}},
        Wrong{"NeedOfMachine",
              with("needs = [\"machine:gpu\"]\n" + kExpect),
              {"unknown ability of a machine; known are nmi"}},
        Wrong{
            "Choice",
            with("[capture]\nformat = \"elff\"\n" + kExpect),
            {"dir/x.toml:4:1: \"format\" is \"elff\", but must be one of kdump, elf; did you mean \"elf\"?"}},
        Wrong{
            "Moment",
            with("[record]\nmemory = [\"armd\"]\n" + kExpect),
            {"dir/x.toml:4:1: unknown moment \"armd\"; did you mean \"armed\"?", "second-kernel, captured"}},
        Wrong{"Symbol",
              with("[record]\nsymbols = [\"gic_rdists + 8\"]\n" + kExpect),
              {"dir/x.toml:4:1: \"gic_rdists + 8\" cannot be a symbol of a kernel"}},
        Wrong{"Witness",
              with("[record]\npages = [\"lpi-table\"]\n" + kExpect),
              {"dir/x.toml:4:1: unknown memory witness \"lpi-table\"; did you mean \"lpi-tables\"?",
               "hint: `crashpath list witnesses`"}},
        Wrong{"TraceOfAPattern",
              with("[record]\ntrace = [\"gicv3_*\"]\n" + kExpect),
              {"dir/x.toml:4:1: \"gicv3_*\" is no name of a trace event"}},
        Wrong{"Step",
              with("[[step]]\nrun = \"cpu.of\"\n" + kExpect),
              {"dir/x.toml:4:1: unknown step \"cpu.of\"", "hint: steps are exec, "}},
        Wrong{"StepArgument",
              with("[[step]]\nrun = \"cpu.offline\"\ncpus = 1\n" + kExpect),
              {"\"cpu\" is missing: which CPU"}},
        Wrong{"StepCpu",
              with("[[step]]\nrun = \"cpu.offline\"\ncpu = 4\n" + kExpect),
              {"dir/x.toml:5:1: \"cpu\" is 4, but the machine has the CPUs 0 to 3"}},
        Wrong{"StepTimes",
              with("[[step]]\nrun = \"kexec\"\ntimes = 0\n" + kExpect),
              {"dir/x.toml:5:1: \"times\" is 0, but must be 1 to 100"}},
        Wrong{"Trigger",
              with("[trigger]\nkind = \"sysrqc\"\n" + kExpect),
              {"dir/x.toml:4:1: unknown trigger kind \"sysrqc\"; did you mean \"sysrq-c\"?"}},
        Wrong{"TriggerCpu",
              with("[machine]\ncpus = 2\n[trigger]\nkind = \"sysrq-c\"\ncpu = 2\n" + kExpect),
              {"dir/x.toml:7:1: \"cpu\" is 2, but the machine has the CPUs 0 to 1"}},
        Wrong{"TriggerWithoutCpu",
              with("[trigger]\nkind = \"nmi\"\ncpu = 1\n" + kExpect),
              {"unknown key \"cpu\""}},
        Wrong{
            "Check",
            with("[[expect]]\ncheck = \"second-kernel.alife\"\n"),
            {"dir/x.toml:4:1: unknown check \"second-kernel.alife\"; did you mean \"second-kernel.alive\"?"}},
        Wrong{
            "Family", with("[[expect]]\ncheck = \"third-kernel.*\"\n"), {"unknown check \"third-kernel.*\""}},
        Wrong{"CheckParameter",
              with("[[expect]]\ncheck = \"vpa.policy\"\npolicy = \"kept\"\npoliticy = 1\n"),
              {"dir/x.toml:6:1: unknown key \"politicy\""}},
        Wrong{"CheckParameterMissing",
              with("[[expect]]\ncheck = \"vpa.policy\"\n"),
              {"\"policy\" is missing: kept or dropped"}},
        Wrong{"CheckParameterType",
              with("[[expect]]\ncheck = \"vpa.policy\"\npolicy = true\n"),
              {"dir/x.toml:5:10: \"policy\" must be a string, not a boolean"}},
        Wrong{"ParameterOfAFamily",
              with("[[expect]]\ncheck = \"vpa.*\"\npolicy = \"kept\"\n"),
              {"unknown key \"policy\""}},
        Wrong{"EndStage",
              with("[ends]\nstage = \"second\"\nwords = \"x\"\n"),
              {"dir/x.toml:4:1: unknown stage \"second\"", "second-kernel"}},
        Wrong{"EndWords",
              with("[ends]\nstage = \"arm\"\nwords = \"(\"\n"),
              {"dir/x.toml:5:1: \"(\" is no regular expression"}},
        Wrong{"NothingExpected", with(""), {"nothing is expected, so nothing could pass"}},
        Wrong{"NoCrashKernel",
              with("[capture]\nload = false\n[trigger]\nkind = \"sysrq-c\"\n" + kExpect),
              {"dir/x.toml:5:2:", "add [ends]"}},
        Wrong{"NothingToCorrupt",
              with("[capture]\nload = false\n[[step]]\nrun = \"host.corrupt-crash-image\"\n" + kExpect),
              {"so none can be corrupted"}}),
    [](const auto& info) { return info.param.name; });

TEST(Scenario, GlobsMatchNames) {
  EXPECT_TRUE(matches_glob("panic.*", "panic.sysrq"));
  EXPECT_TRUE(matches_glob("*", "panic.sysrq"));
  EXPECT_TRUE(matches_glob("panic.sysrq", "panic.sysrq"));
  EXPECT_FALSE(matches_glob("panic.*", "kexec.plain"));
  EXPECT_FALSE(matches_glob("panic", "panic.sysrq"));
}

class ScenarioFiles : public testing::Test {
 protected:
  ScenarioFiles() : directory_(testing::TempDir() + "/scenarios-" + std::to_string(::getpid())) {
    std::filesystem::create_directories(directory_ / "deeper");
  }
  ~ScenarioFiles() override { std::filesystem::remove_all(directory_); }
  void write(const std::string& file, const std::string& name) {
    std::ofstream(directory_ / file) << "name = \"" << name << "\"\nsummary = \"s\"\n" << kExpect;
  }
  const std::filesystem::path directory_;
};

TEST_F(ScenarioFiles, AreFoundBelowDirectoriesAndSortedByName) {
  write("1.toml", "b.x");
  write("deeper/2.toml", "a.x");
  std::ofstream(directory_ / "README.md") << "not a scenario";
  const auto all = load_scenarios({directory_, directory_}, registry());  // named twice: still the same files
  ASSERT_TRUE(all) << all.error().to_string();
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].name, "a.x");
  EXPECT_EQ((*all)[1].name, "b.x");
}

TEST_F(ScenarioFiles, OfOneNameAreAnErrorThatNamesBoth) {
  write("1.toml", "b.x");
  write("deeper/2.toml", "b.x");
  const auto all = load_scenarios({directory_}, registry());
  ASSERT_FALSE(all);
  EXPECT_THAT(all.error().message(),
              AllOf(HasSubstr("two scenarios are named b.x"), HasSubstr("1.toml"), HasSubstr("2.toml")));
}

TEST_F(ScenarioFiles, InADirectoryThatIsNotThereAreAnError) {
  const auto all = load_scenarios({directory_ / "nowhere"}, registry());
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().fault(), Fault::usage);
  EXPECT_THAT(all.error().message(), HasSubstr("nowhere"));
}

}  // namespace
}  // namespace crashpath
