// crashpath list scenarios|checks|witnesses|kernels|machines|triggers|steps

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/errors.h"
#include "cli/prepare_image.h"
#include "harness/machine/backend.h"
#include "harness/trial/steps.h"
#include "harness/trial/triggers.h"

namespace crashpath {
namespace {

Result<> list_scenarios(const std::vector<std::filesystem::path>& directories) {
  const Context context = CP_TRY(load_context_with_scenarios(directories));
  for (const Scenario& scenario : context.scenarios)
    fmt::print("{:32} {:14} {}{}\n", scenario.name, fmt::format("{}", fmt::join(scenario.architectures, ",")),
               scenario.summary, scenario.is_default ? " (default)" : "");
  return {};
}

Result<> list_checks() {
  const Context context = CP_TRY(load_context());
  for (const Check& check : context.checks.all()) {
    fmt::print("{:36} {}\n", check.name, check.summary);
    for (const ParameterSpec& parameter : check.parameters)
      fmt::print("{:36}   {}{}: {}\n", "", parameter.name, parameter.required ? " (required)" : "",
                 parameter.help);
  }
  return {};
}

Result<> list_witnesses() {
  const Context context = CP_TRY(load_context());
  for (const MemoryWitness& witness : context.checks.witnesses())
    fmt::print("{:26} {}\n", witness.name, witness.summary);
  return {};
}

Result<> list_all_kernels(const std::vector<std::string>& architecture_names) {
  const Catalog catalog = CP_TRY(load_catalog());
  const ArchiveOptions options = archive_options();
  for (const Architecture* architecture : CP_TRY(choose_architectures(architecture_names)))
    for (const KernelOffer& offer : CP_TRY(list_kernels(*architecture, catalog, options)))
      fmt::print("{:8} {:12} {:20} {} {}\n", offer.architecture,
                 offer.flavour.empty() ? offer.series : offer.series + "-" + offer.flavour, offer.suite,
                 offer.package, offer.version);
  return {};
}

void list_machines() {
  for (const Architecture& architecture : architectures())
    fmt::print("{:8} {} -machine {} -cpu {}{}\n", architecture.name, architecture.qemu_binary,
               architecture.qemu_machine, architecture.default_cpu,
               architecture.has_firmware_option ? ", UEFI" : "");
  for (const Backend& backend : backends()) fmt::print("--machine {:8} {}\n", backend.name, backend.summary);
}

void list_triggers() {
  for (const TriggerKind& kind : trigger_kinds()) fmt::print("{:20} {}\n", kind.name, kind.summary);
}

void list_steps() {
  for (const StepKind& kind : step_kinds()) fmt::print("{:26} {}\n", kind.name, kind.summary);
}

}  // namespace

void add_list_command(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand(
      "list", "What there is: scenarios, checks, memory witnesses, kernels, machines, triggers, steps");
  command->require_subcommand(1);

  auto directories = std::make_shared<std::vector<std::filesystem::path>>();
  auto names = std::make_shared<std::vector<std::string>>();
  const auto report = [&status](const Result<>& result) {
    if (!result) status = report_error(result.error());
  };
  CLI::App* scenarios = command->add_subcommand("scenarios", "What a guest can be put through");
  scenarios->add_option("--scenario-dir", *directories, "also the scenarios of this directory");
  scenarios->callback([=] { report(list_scenarios(*directories)); });
  command->add_subcommand("checks", "What is checked, and the parameters of each check")->callback([=] {
    report(list_checks());
  });
  command->add_subcommand("witnesses", "Which memory can be saved at a moment, for [record] pages")
      ->callback([=] { report(list_witnesses()); });
  CLI::App* kernels = command->add_subcommand("kernels", "Kernels that Debian's archive offers today");
  kernels->add_option("--arch", *names, "arm64, pseries (default: both)")->delimiter(',');
  kernels->callback([=] { report(list_all_kernels(*names)); });
  command->add_subcommand("machines", "Machines that guests run on")->callback(list_machines);
  command->add_subcommand("triggers", "Ways to end the first kernel, for [trigger]")->callback(list_triggers);
  command->add_subcommand("steps", "What can be done before the trigger, for [[step]]")->callback(list_steps);
}

}  // namespace crashpath
