#include "harness/plan/plan.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

#include "harness/plan/plan_file.h"

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Scenario make_scenario(const std::string& text) {
  CheckRegistry registry;
  registry.add(Check{.name = "x.y", .summary = ""});
  const auto parsed = parse_scenario(text + "[[expect]]\ncheck = \"x.y\"\n", "x.toml", registry);
  if (!parsed) throw std::runtime_error(parsed.error().to_string());
  return *parsed;
}

std::string named(const std::string& name) {
  return "name = \"" + name + "\"\nsummary = \"s\"\n";
}

GuestImage make_image(std::string_view architecture, std::string spec, std::string release) {
  GuestImage image;
  image.architecture = find_architecture(architecture);
  image.kernel_spec = std::move(spec);
  image.kernel_release = std::move(release);
  image.initramfs = "first.img";
  image.initramfs_broken = "broken.img";
  return image;
}

std::vector<std::string> ids(const std::vector<PlannedTrial>& plan) {
  std::vector<std::string> all;
  for (const auto& trial : plan) all.push_back(trial.id);
  return all;
}

TEST(Plan, CombinesImagesScenariosAndRepetitionsInAStableOrder) {
  const Scenario one = make_scenario(named("panic.sysrq"));
  const Scenario two = make_scenario(named("panic.nmi") + "arch = [\"pseries\"]\n");
  const std::vector<GuestImage> images = {make_image("arm64", "6.12", "6.12.95-arm64"),
                                          make_image("pseries", "6.12", "6.12.95-powerpc64le")};
  const auto plan = make_plan({&one, &two}, images, 2);
  ASSERT_TRUE(plan) << plan.error().to_string();
  EXPECT_THAT(ids(*plan), ElementsAre("arm64-6.12-panic.sysrq-1", "arm64-6.12-panic.sysrq-2",
                                      "pseries-6.12-panic.sysrq-1", "pseries-6.12-panic.sysrq-2",
                                      "pseries-6.12-panic.nmi-1", "pseries-6.12-panic.nmi-2"));
  EXPECT_EQ((*plan)[1].repetition, 2);
  EXPECT_EQ((*plan)[1].image, &images[0]);
  EXPECT_EQ((*plan)[4].scenario, &two);
}

TEST(Plan, GivesIdsThatAreUniqueAndSafeAsPaths) {
  const Scenario scenario = make_scenario(named("panic.sysrq"));
  const std::vector<GuestImage> images = {
      make_image("arm64", "/home/me/linux/Image", "6.13.0-rc1+"),
      make_image("arm64", "../Image", "6.13.0-rc1+"), make_image("arm64", "6.12", "6.12.1"),
      make_image("arm64", "6.12", "6.12.2"), make_image("arm64", "a b", "6.12.3")};
  const auto plan = make_plan({&scenario}, images, 1);
  ASSERT_TRUE(plan);
  EXPECT_THAT(ids(*plan), ElementsAre("arm64-6.13.0-rc1+-panic.sysrq-1", "arm64-6.13.0-rc1+_2-panic.sysrq-1",
                                      "arm64-6.12-panic.sysrq-1", "arm64-6.12.2-panic.sysrq-1",
                                      "arm64-a_b-panic.sysrq-1"));
}

TEST(Plan, CountsOnWhereTwoRequestsAskForTheSame) {
  const Scenario scenario = make_scenario(named("panic.sysrq"));
  const GuestImage image = make_image("pseries", "6.1", "6.1.0");
  NamedMachine xics{.name = "xics", .change = {}};
  xics.change.ic_mode = "xics";
  const PlanRequest request{.scenarios = {&scenario}, .images = {&image}, .machines = {NamedMachine(), xics}};
  const auto plan = make_plan(std::vector{request, request});
  ASSERT_TRUE(plan);
  EXPECT_THAT(ids(*plan), ElementsAre("pseries-6.1-panic.sysrq-1", "pseries-6.1-xics-panic.sysrq-1",
                                      "pseries-6.1-panic.sysrq-2", "pseries-6.1-xics-panic.sysrq-2"));
  EXPECT_EQ((*plan)[0].machine.ic_mode, "xive");
  EXPECT_EQ((*plan)[1].machine.ic_mode, "xics");
}

TEST(Plan, AConfigThatCannotBeReadIsAHostError) {
  const Scenario scenario = make_scenario(named("a.b"));
  std::vector<GuestImage> images = {make_image("arm64", "6.12", "6.12")};
  images[0].config = "/nonexistent/config";
  const auto plan = make_plan({&scenario}, images, 1);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().fault(), Fault::host);
}

MachineConfig machine_of(const std::string& scenario, const GuestImage& image,
                         const ScenarioMachine& change = {}, std::string_view config = "") {
  return make_machine_config(make_scenario(named("a.b") + scenario), image, change, config);
}

TEST(PlannedMachine, HasTheDefaultsOfItsArchitecture) {
  const MachineConfig arm64 = machine_of("", make_image("arm64", "6.12", "6.12"));
  EXPECT_EQ(arm64.gic_version, "3");
  EXPECT_EQ(arm64.cpu_model, find_architecture("arm64")->default_cpu);
  EXPECT_TRUE(arm64.its && arm64.firmware && arm64.acpi);
  EXPECT_EQ(arm64.ic_mode, "");
  const MachineConfig pseries = machine_of("", make_image("pseries", "6.12", "6.12"));
  EXPECT_EQ(pseries.ic_mode, "xive");
  EXPECT_FALSE(pseries.its || pseries.firmware || pseries.acpi);
  EXPECT_EQ(pseries.gic_version, "");
}

TEST(PlannedMachine, FollowsTheScenarioBeforeTheNamedMachine) {
  ScenarioMachine change;
  change.cpus = 8;
  change.memory_mib = 4096;
  const auto machine = machine_of("[machine]\ncpus = 2\nits = false\nic_mode = \"xics\"\n",
                                  make_image("arm64", "6.12", "6.12"), change);
  EXPECT_EQ(machine.cpus, 2);
  EXPECT_EQ(machine.memory_mib, 4096);
  EXPECT_FALSE(machine.its);
  EXPECT_EQ(machine.ic_mode, "") << "arm64 has none";
}

TEST(PlannedMachine, GivesKernelsWith16kPagesACpuThatHasThem) {
  GuestImage image = make_image("arm64", "6.12-16k", "6.12");
  image.kernel_flavour = "arm64-16k";
  EXPECT_THAT(machine_of("", image).cpu_model, HasSubstr("max"));
  EXPECT_THAT(machine_of("", image, {}, "CONFIG_ARM64_4K_PAGES=y\n").cpu_model, Not(HasSubstr("max")));
  image.kernel_flavour = "";
  EXPECT_THAT(machine_of("", image, {}, "CONFIG_X=y\nCONFIG_ARM64_16K_PAGES=y\n").cpu_model,
              HasSubstr("max"));
}

TEST(PlannedMachine, ComposesTheCommandLine) {
  const GuestImage image = make_image("pseries", "6.12", "6.12");
  const std::string crashkernel(image.architecture->crashkernel);
  EXPECT_EQ(machine_of("", image).append, "console=hvc0 panic=-1 crashkernel=" + crashkernel);
  EXPECT_EQ(machine_of("[kernel]\ncrashkernel = \"\"\nappend = \"maxcpus=1\"\n", image).append,
            "console=hvc0 panic=-1 maxcpus=1");
  EXPECT_EQ(machine_of("[kernel]\ncrashkernel = \"16M\"\n[trigger]\nkind = \"oops\"\n", image).append,
            "console=hvc0 panic=-1 crashkernel=16M");
}

TEST(PlannedMachine, BootsTheInitramfsOfTheScenario) {
  const GuestImage image = make_image("pseries", "6.12", "6.12");
  EXPECT_EQ(machine_of("", image).initramfs, "first.img");
  EXPECT_EQ(machine_of("[capture]\ninitramfs = \"without-init\"\n", image).initramfs, "broken.img");
}

std::string lacking_for(const std::string& scenario, std::string_view architecture,
                        std::string_view config = "", std::vector<std::string> probes = {}) {
  GuestImage image = make_image(architecture, "6.12", "6.12.1");
  image.probes = std::move(probes);
  const Scenario parsed = make_scenario(named("a.b") + scenario);
  return lacking(parsed, image, make_machine_config(parsed, image, {}, config), config);
}

TEST(Lacking, NamesWhatTheGuestHasNot) {
  EXPECT_EQ(lacking_for("needs = [\"cpus>=4\", \"memory>=1024\"]\n", "arm64"), "");
  EXPECT_EQ(lacking_for("needs = [\"linux>=6.2\", \"linux>=5.17\"]\n", "arm64"), "");
  EXPECT_EQ(lacking_for("needs = [\"linux>=7.0\"]\n", "arm64"), "needs Linux 7.0 or later, this is 6.12.1");
  EXPECT_EQ(lacking_for("needs = [\"cpus>=5\"]\n", "arm64"), "needs 5 CPUs, the machine has 4");
  EXPECT_EQ(lacking_for("needs = [\"memory>=9000\"]\n", "arm64"),
            "needs 9000 MiB of memory, the machine has 1024");
  EXPECT_EQ(lacking_for("needs = [\"machine:nmi\"]\n", "arm64"), "this arm64 machine has no nmi");
  EXPECT_EQ(lacking_for("needs = [\"machine:nmi\"]\n", "pseries"), "");
  EXPECT_EQ(lacking_for("needs = [\"machine:its\", \"machine:uefi\", \"machine:gicv3\", \"machine:acpi\"]\n",
                        "arm64"),
            "");
  EXPECT_EQ(lacking_for("needs = [\"machine:its\"]\n[machine]\ngic_version = \"2\"\n", "arm64"),
            "this arm64 machine has no its");
  EXPECT_EQ(lacking_for("needs = [\"machine:uefi\"]\n", "pseries"), "this pseries machine has no uefi");
  EXPECT_EQ(lacking_for("needs = [\"machine:xics\"]\n", "pseries"), "this pseries machine has no xics");
  EXPECT_EQ(lacking_for("needs = [\"machine:xics\"]\n[machine]\nic_mode = \"xics\"\n", "pseries"), "");
}

TEST(Lacking, AsksTheKernelsConfig) {
  const std::string needs = "needs = [\"kernel:CONFIG_KEXEC\"]\n";
  EXPECT_EQ(lacking_for(needs, "arm64", "CONFIG_KEXEC=y\n"), "");
  EXPECT_EQ(lacking_for(needs, "arm64", "CONFIG_A=y\nCONFIG_KEXEC=m"), "");
  EXPECT_EQ(lacking_for(needs, "arm64", "CONFIG_KEXEC_FILE=y\n# CONFIG_KEXEC is not set\n"),
            "kernel 6.12.1 is built without CONFIG_KEXEC");
  EXPECT_THAT(lacking_for(needs, "arm64"), HasSubstr("config of this kernel is not known"));
}

TEST(Lacking, CountsWhatTheTriggerImplies) {
  EXPECT_EQ(lacking_for("[trigger]\nkind = \"nmi\"\n", "arm64"), "this arm64 machine has no nmi");
  EXPECT_EQ(lacking_for("[trigger]\nkind = \"oops\"\n", "arm64"),
            "the image of kernel 6.12.1 has no probe crash_context");
  EXPECT_EQ(lacking_for("[trigger]\nkind = \"oops\"\n", "arm64", "", {"crash_context"}), "");
}

std::string skipped_on(const std::string& scenario_text, const Capabilities& capabilities) {
  const Scenario scenario = make_scenario(named("a.b") + scenario_text);
  const std::vector<GuestImage> images = {make_image("arm64", "6.12", "6.12.95-arm64")};
  auto plan = make_plan({&scenario}, images, 1).value();
  assign_machine(plan, MachineKind::parse("libvirt:qemu:///system").value(), capabilities);
  EXPECT_EQ(plan.front().machine_kind.name(), "libvirt:qemu:///system");
  return plan.front().skip_reason;
}

TEST(AssignMachine, RulesOutWhatTheMachineCannotDoAndSaysWhy) {
  const Capabilities none;
  EXPECT_EQ(skipped_on("", none), "");
  EXPECT_EQ(skipped_on("[record]\ntrace = [\"gicv3_redist_write\"]\n", none),
            "the machine libvirt:qemu:///system cannot record trace events");
  EXPECT_EQ(skipped_on("[machine]\ntcg_thread = \"single\"\n", none),
            "the machine libvirt:qemu:///system emulates every CPU on a thread of its own");
  EXPECT_EQ(skipped_on("[[step]]\nrun = \"host.corrupt-crash-image\"\n", none),
            "the machine libvirt:qemu:///system cannot write to the guest's memory");
}

TEST(OnMachines, HasEveryTrialOnEachAndTellsThemApart) {
  const Scenario scenario = make_scenario(named("a.b") + "[record]\ntrace = [\"gicv3_redist_write\"]\n");
  const std::vector<GuestImage> images = {make_image("arm64", "6.12", "6.12.95-arm64")};
  const auto plan = make_plan({&scenario}, images, 1).value();
  const MachineKind qemu, far = MachineKind::parse("libvirt:qemu+ssh://root@far/system").value();
  const auto alone = on_machines(plan, {far});
  ASSERT_EQ(alone.size(), 1U);
  EXPECT_EQ(alone[0].id, "arm64-6.12-a.b-1");
  const auto both = on_machines(plan, {qemu, far});
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].id, "qemu-arm64-6.12-a.b-1");
  EXPECT_EQ(both[0].skip_reason, "");
  EXPECT_EQ(both[1].id.find('/'), std::string::npos) << "a directory's name";
  EXPECT_EQ(both[1].machine_kind.name(), far.name());
  EXPECT_NE(both[1].skip_reason, "") << "it has no traces";
}

TEST(AssignMachine, LetsThroughWhatItCan) {
  const Capabilities all{.traces = true, .writes_memory = true, .tcg_threads = true};
  EXPECT_EQ(skipped_on("[record]\ntrace = [\"gicv3_redist_write\"]\n", all), "");
  EXPECT_EQ(skipped_on("[machine]\ntcg_thread = \"single\"\n", all), "");
  EXPECT_EQ(skipped_on("[[step]]\nrun = \"host.corrupt-crash-image\"\n", all), "");
}

TEST(PlanFile, IsRead) {
  const auto entries = parse_plan(R"([machines.xics]
ic_mode = "xics"
[[trials]]
arch = ["pseries"]
kernels = ["6.1", "6.12"]
scenarios = ["panic.*", "kexec.plain"]
machines = ["default", "xics"]
repeat = 3
[[trials]]
scenarios = ["*"]
)",
                                  "nightly.toml");
  ASSERT_TRUE(entries) << entries.error().to_string();
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_THAT((*entries)[0].architectures, ElementsAre("pseries"));
  EXPECT_EQ((*entries)[0].machines[1].name, "xics");
  EXPECT_EQ((*entries)[0].machines[1].change.ic_mode, "xics");
  EXPECT_EQ((*entries)[0].repeat, 3);
  EXPECT_THAT((*entries)[1].architectures, ElementsAre("arm64", "pseries"));
  EXPECT_EQ((*entries)[1].machines.size(), 1u);
  EXPECT_EQ((*entries)[1].machines[0].name, "");
}

TEST(PlanFile, IsStrict) {
  const auto error_of = [](const std::string& text) {
    const auto entries = parse_plan(text, "p.toml");
    return entries ? "no error" : entries.error().message();
  };
  EXPECT_THAT(error_of(""), HasSubstr("the plan has no [[trials]]"));
  EXPECT_THAT(error_of("[[trials]]\n"), HasSubstr("p.toml:1:1: \"scenarios\" is missing"));
  EXPECT_THAT(error_of("[[trials]]\nscenarios = [\"*\"]\nmachines = [\"x\"]\n"),
              HasSubstr("p.toml:3:1: unknown machine \"x\""));
  EXPECT_THAT(error_of("[[trials]]\nscenarios = [\"*\"]\nrepeat = 0\n"),
              HasSubstr("p.toml:3:1: \"repeat\" is 0"));
  EXPECT_THAT(error_of("[[trials]]\nscenario = [\"*\"]\nscenarios=[\"*\"]\n"),
              HasSubstr("unknown key \"scenario\""));
  EXPECT_THAT(error_of("[machines.default]\ncpus=1\n"), HasSubstr("choose another name"));
  EXPECT_THAT(error_of("[machines.x]\ncpu=1\n"), HasSubstr("p.toml:2:1: unknown key \"cpu\""));
}

}  // namespace
}  // namespace crashpath
