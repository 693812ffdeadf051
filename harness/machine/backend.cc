#include "harness/machine/backend.h"

#include <fmt/format.h>

#include <array>

#include "harness/machine/qemu/qemu_machine.h"

namespace crashpath {
namespace {

template <class Kind>
std::unique_ptr<Machine> make(MachineConfig config) {
  return std::make_unique<Kind>(std::move(config));
}

constexpr std::array kBackends = {
    Backend{.name = "qemu",
            .summary = "a QEMU process of our own",
            .host_sees_memory = true,
            .records_trace_events = true,
            .make = make<QemuMachine>},
};

}  // namespace

std::span<const Backend> backends() {
  return kBackends;
}

Result<std::unique_ptr<Machine>> make_machine(std::string_view backend, MachineConfig config) {
  std::string names;
  for (const auto& known : kBackends) {
    if (known.name == backend) return known.make(std::move(config));
    names += names.empty() ? "" : ", ";
    names += known.name;
  }
  return Error::usage(fmt::format("unknown machine backend '{}'", backend)).with_hint("there is: " + names);
}

}  // namespace crashpath
