#include "harness/trial/steps.h"

#include <fmt/format.h>

#include "harness/trial/toml_table.h"

namespace crashpath {
namespace {

ParameterSpec required(std::string name, std::string help, ParameterValue example) {
  return {.name = std::move(name), .help = std::move(help), .example = std::move(example), .required = true};
}

ParameterSpec optional(std::string name, std::string help, ParameterValue example) {
  return {.name = std::move(name), .help = std::move(help), .example = std::move(example), .required = false};
}

ParameterSpec cpu() {
  return required("cpu", "which CPU", std::int64_t{3});
}

}  // namespace

const std::vector<StepKind>& step_kinds() {
  using Words = std::vector<std::string>;
  static const std::vector<StepKind> all = {
      {"exec",
       "run a program of the initramfs",
       {required("argv", "program and arguments", Words{"busybox", "sync"}),
        optional("background", "do not wait for it", false)}},
      {"write",
       "write a text to a file of /proc or /sys",
       {required("path", "the file", std::string("/proc/sys/kernel/panic_on_oops")),
        required("text", "what to write", std::string("1"))}},
      {"cpu.offline", "take a CPU offline", {cpu()}},
      {"cpu.online", "bring a CPU online", {cpu()}},
      {"module.load",
       "load a kernel module or probe",
       {required("name", "the module", std::string("crash_context")),
        optional("params", "its parameters", std::string("context=oops"))}},
      {"load.start",
       "keep CPUs and memory busy until the crash",
       {optional("cpu_tasks", "busy tasks", std::int64_t{8}),
        optional("memory_mib", "memory that one task keeps writing to", std::int64_t{64})}},
      {"workload",
       "do what crashes are timed against",
       {required("name", "cpuhp, rtas, sysparm, lparcfg or memory", std::string("cpuhp")),
        optional("cpu", "the CPU that cpuhp takes offline and online", std::int64_t{3}),
        optional("times", "how often", std::int64_t{100}),
        optional("tasks", "so many do it at once", std::int64_t{80}),
        optional("background", "do not wait for it", true)}},
      {"sleep", "wait", {required("ms", "milliseconds", std::int64_t{250})}},
      {"report", "have the kernel report its files, as it does before a kexec and before the trigger", {}},
      {"kexec",
       "start the same kernel by a plain kexec, and load the crash kernel again",
       {optional("append", "goes behind its command line", std::string("nr_cpus=2")),
        optional("times", "how often: a chain of so many kernels", std::int64_t{10}),
        optional("online", "CPUs 1 to this one come online when it is loaded and not started yet",
                 std::int64_t{3})}},
      {"host.corrupt-crash-image",
       "change a byte of the loaded crash kernel's image behind the guest's back",
       {}},
  };
  return all;
}

Result<StepKind> find_step(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& kind : step_kinds()) {
    if (kind.name == name) return kind;
    names.push_back(kind.name);
  }
  return Error::usage(fmt::format("unknown step \"{}\"{}", name, suggestion(name, names)))
      .with_hint(fmt::format("steps are {}", fmt::join(names, ", ")));
}

}  // namespace crashpath
