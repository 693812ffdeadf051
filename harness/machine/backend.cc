#include "harness/machine/backend.h"

#include <fmt/format.h>

#include <array>

#include "harness/machine/libvirt/libvirt_machine.h"
#include "harness/machine/qemu/qemu_machine.h"

namespace crashpath {
namespace {

Result<> check_qemu(const std::string& where) {
  if (where.empty()) return {};
  return Error::usage(fmt::format("guests of the machine qemu run on this host, not on \"{}\"", where));
}

Result<> check_libvirt(const std::string& where) {
  CP_TRY(libvirt::parse_uri(where));
  return {};
}

Result<std::shared_ptr<void>> open_libvirt(const std::string& where) {
  return std::shared_ptr<void>(CP_TRY(libvirt::Host::open(CP_TRY(libvirt::parse_uri(where)))));
}

Result<MachineSurvey> survey_qemu(const std::string&) {
  return Error::usage("guests of the machine qemu run on this host alone");
}

Result<MachineSurvey> survey_libvirt(const std::string& where) {
  const auto host = CP_TRY(libvirt::Host::open(CP_TRY(libvirt::parse_uri(where))));
  MachineSurvey survey{.slots = CP_TRY(host->slots())};
  for (const auto& architecture : architectures())
    if (const auto support = host->support(architecture))
      survey.accelerators.emplace(architecture.name, to_string(support->accelerator));
  return survey;
}

/// An embedded driver has nothing but its directories (clean_embedded_roots()).
Result<std::vector<std::string>> clean_libvirt(const std::string& where) {
  const auto uri = CP_TRY(libvirt::parse_uri(where));
  if (uri.embedded && uri.root.empty()) return std::vector<std::string>();
  return CP_TRY(libvirt::Host::open(uri))->found_at_start();
}

constexpr std::array kBackends = {
    Backend{
        .name = "qemu",
        .summary = "a QEMU process of our own",
        .check = check_qemu,
        .capabilities =
            [](const std::string&) {
              return Capabilities{.forks = true,
                                  .traces = true,
                                  .sees_memory = true,
                                  .writes_memory = true,
                                  .saves_devices = true,
                                  .tcg_threads = true};
            },
        .open = [](const std::string&) { return Result<std::shared_ptr<void>>(nullptr); },
        .works = [](const std::string&) { return true; },
        .survey = survey_qemu,
        // The kernel ends our children with us.
        .clean =
            [](const std::string&) { return Result<std::vector<std::string>>(std::vector<std::string>()); },
        .make = [](MachineConfig config, const std::string&) -> std::unique_ptr<Machine> {
          return std::make_unique<QemuMachine>(std::move(config));
        }},
    Backend{
        .name = "libvirt",
        .summary = "a libvirt domain; libvirt:URI for another libvirt than one in this process",
        .check = check_libvirt,
        .capabilities =
            [](const std::string& where) {
              return libvirt::capabilities_of(libvirt::parse_uri(where).value());
            },
        .open = open_libvirt,
        .works =
            [](const std::string& where) { return libvirt::Host::works(libvirt::parse_uri(where).value()); },
        .survey = survey_libvirt,
        .clean = clean_libvirt,
        .make = [](MachineConfig config, const std::string& where) -> std::unique_ptr<Machine> {
          return std::make_unique<libvirt::LibvirtMachine>(std::move(config),
                                                           libvirt::parse_uri(where).value());
        }},
};

}  // namespace

std::span<const Backend> backends() {
  return kBackends;
}

MachineKind::MachineKind() : backend_(&kBackends.front()), name_(backend_->name) {}

Result<MachineKind> MachineKind::parse(std::string_view text) {
  const auto colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const std::string where(colon == std::string_view::npos ? "" : text.substr(colon + 1));
  std::string names;
  for (const auto& known : kBackends) {
    if (known.name == name) {
      CP_TRY(known.check(where));
      return MachineKind(known, where, std::string(text));
    }
    names += names.empty() ? "" : ", ";
    names += known.name;
  }
  return Error::usage(fmt::format("unknown machine '{}'", text)).with_hint("there is: " + names);
}

bool MachineKind::is_default() const {
  return backend_ == &kBackends.front();
}

}  // namespace crashpath
