#pragma once

// A scenario: what a guest is put through. One TOML file, docs/scenarios.md. Unknown keys, wrong types and
// impossible values are usage errors that name file, line and column.

#include <boost/json.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/evidence/moment.h"
#include "harness/evidence/stage.h"
#include "harness/machine/machine.h"
#include "harness/trial/check.h"
#include "harness/trial/memory_witness.h"

namespace crashpath {

/// [machine]: what it changes of the default machine; unset members leave the default.
struct ScenarioMachine {
  std::optional<int> cpus;
  std::optional<int> memory_mib;
  std::optional<std::string> cpu_model;
  std::optional<std::string> tcg_thread;
  std::optional<std::string> gic_version;
  std::optional<bool> its;
  std::optional<std::string> ic_mode;
  std::optional<bool> firmware;
  std::optional<bool> acpi;
};

/// [kernel]: of the first kernel.
struct ScenarioKernel {
  std::optional<std::string> crashkernel;  ///< "256M"; "" for none at all; unset: the architecture's default
  std::string append;                      ///< behind what crashpath gives
};

/// [capture]: the crash kernel and what it does.
struct ScenarioCapture {
  bool load = true;              ///< false: the scenario loads no crash kernel
  bool capture = true;           ///< false: the second kernel reports, writes no dump
  std::string format = "kdump";  ///< "kdump", "elf"
  int level = 31;                ///< makedumpfile -d
  bool integrity_check = false;  ///< purgatory's SHA-256 check: kexec without -i
  bool lean = true;              ///< with the architecture's lean capture arguments
  std::string append;            ///< behind the architecture's capture arguments
  std::vector<std::string> kexec_args;
  std::string initramfs = "standard";  ///< "standard", "without-init"
};

/// [record]: when the host looks into the stopped guest, and at what.
struct ScenarioRecord {
  std::vector<Moment> device_state = {Moment::armed, Moment::second_kernel};
  std::vector<Moment> memory = {Moment::captured};
  std::vector<std::string> symbols =
      {};  ///< of the first kernel, that checks want to know besides the witnesses'
  std::vector<MemoryWitness> pages = {};  ///< asked at every moment above
  std::vector<std::string> trace = {};    ///< trace events of QEMU, recorded from power-on
};

/// [[step]]: before the trigger, in the first kernel through the agent (docs/agent-protocol.md has the
/// commands), or by the harness itself where `run` begins with "host."; or in the second, before it writes
/// the dump.
struct ScenarioStep {
  std::string run;
  boost::json::object arguments;
  int line = 0;
  Kernel kernel = Kernel::first;
};

/// [trigger]
struct ScenarioTrigger {
  std::string kind;  ///< "sysrq-c", "nmi", "kexec", or a probe's: see triggers.h
  std::optional<int> cpu;
  boost::json::object arguments;  ///< whatever else stands there
};

struct ScenarioExpect {
  std::string check;  ///< a name or "family.*"
  CheckParameters parameters;
  int line = 0;
};

/// [ends]: for scenarios whose trial must not reach the end: it has to end in this stage with these words.
struct ScenarioEnds {
  Stage stage = Stage::verify;
  std::string words;  ///< ECMAScript regular expression, searched in the words of the timeline's end
};

struct Scenario {
  std::string name;  ///< "panic.sysrq"
  std::string summary;
  std::string why;
  std::vector<std::string> architectures;
  std::vector<std::string> needs;  ///< "cpus>=4", "kernel:CONFIG_X", "probe:NAME", "machine:nmi"
  ScenarioMachine machine;
  ScenarioKernel kernel;
  ScenarioCapture capture;
  ScenarioRecord record;
  std::vector<ScenarioStep> steps;
  std::optional<ScenarioTrigger> trigger;
  std::vector<ScenarioExpect> expects;
  std::optional<ScenarioEnds> ends;
  bool is_default = false;  ///< `default = true`: part of a run that names no scenario
  std::filesystem::path file;
  std::string text;  ///< of the file, kept in trial.json so that old trials stay judgeable

  bool supports(const Architecture& architecture) const;
};

class TomlTable;
/// A table of [machine]'s keys, also in plan files.
Result<ScenarioMachine> read_machine(TomlTable& table);

/// Parses and checks one scenario. `registry` knows the checks and their parameters.
Result<Scenario> parse_scenario(std::string text, const std::filesystem::path& file,
                                const CheckRegistry& registry);

/// Every *.toml below the directories, by name; two of one name are an error that names both files.
Result<std::vector<Scenario>> load_scenarios(const std::vector<std::filesystem::path>& directories,
                                             const CheckRegistry& registry);

/// Shell-style glob ("panic.*") against a scenario's name.
bool matches_glob(std::string_view glob, std::string_view name);

}  // namespace crashpath
