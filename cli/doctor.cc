// crashpath doctor: what this machine has of what crashpath needs, and what to do about the rest.

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/errors.h"
#include "guestimages/fetch/mirror.h"
#include "harness/base/paths.h"
#include "harness/machine/architecture.h"
#include "harness/machine/backend.h"
#include "harness/machine/libvirt/embedded_root.h"
#include "harness/process/command.h"

namespace crashpath {
namespace {

struct Finding {
  bool good = false;
  std::string what;
  std::string found;
  std::string hint;  ///< when not good
};

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

Finding look_for_program(const std::string& name, const std::string& package, const std::string& why) {
  if (find_program(name).empty())
    return {false, name, "not found", fmt::format("{}: apt-get install {}", why, package)};
  const auto output = run_command({.argv = {name, "--version"}, .timeout = std::chrono::seconds(20)});
  if (!output) return {false, name, output.error().message(), why};
  return {true, name, first_line(output->out.empty() ? output->err : output->out), ""};
}

Finding look_at_space(const std::filesystem::path& directory, std::uint64_t needed_gib) {
  struct statvfs about {};
  std::filesystem::path existing = directory;
  while (!std::filesystem::exists(existing) && existing.has_parent_path()) existing = existing.parent_path();
  const std::string what = "space in " + directory.native();
  if (statvfs(existing.c_str(), &about) != 0)
    return {false, what, "cannot be told", "does the directory exist?"};
  const std::uint64_t free_gib = about.f_bavail * about.f_frsize >> 30;
  return {free_gib >= needed_gib, what, fmt::format("{} GiB free", free_gib),
          fmt::format("guest images and dumps want {} GiB: set XDG_CACHE_HOME or run --output", needed_gib)};
}

Finding look_at_directory(const std::filesystem::path& directory) {
  std::error_code code;
  std::filesystem::create_directories(directory, code);
  const bool writable = !code && access(directory.c_str(), W_OK) == 0;
  return {writable, "cache", directory.native() + (writable ? "" : " cannot be written"),
          "set XDG_CACHE_HOME to a directory of yours"};
}

Finding look_at_kvm() {
  const bool usable = access("/dev/kvm", R_OK | W_OK) == 0;
  return {true, "accelerator",
          usable ? "KVM for guests of this machine's own architecture, TCG for the others" : "TCG", ""};
}

Finding look_at_mirror() {
  const auto catalog = load_catalog();
  const auto mirror = catalog ? find_mirror(*catalog, "") : Result<Mirror>(catalog.error());
  if (!mirror) return {false, "Debian mirror", mirror.error().message(), mirror.error().hint()};
  return {true, "Debian mirror", mirror->uri, ""};
}

Finding look_at_sandbox() {
  const auto output =
      run_command({.argv = {"bwrap", "--ro-bind", "/", "/", "true"}, .timeout = std::chrono::seconds(20)});
  const bool works = output && output->exit_code == 0;
  return {
      works, "bubblewrap", works ? "works" : "cannot make a namespace here",
      "probe modules of suites other than the host's cannot be built: allow user namespaces, or run as root"};
}

std::vector<Finding> examine() {
  std::vector<Finding> findings;
  for (const auto& architecture : architectures()) {
    findings.push_back(look_for_program(std::string(architecture.qemu_binary),
                                        std::string(architecture.qemu_package),
                                        fmt::format("runs {} guests", architecture.name)));
    findings.push_back(look_for_program(fmt::format("{}-gcc", architecture.triplet),
                                        fmt::format("gcc-{}", architecture.triplet),
                                        fmt::format("builds probe modules for {}", architecture.name)));
  }
  findings.push_back(look_for_program("apt-get", "apt", "fetches kernels with their signatures checked"));
  findings.push_back(look_for_program("depmod", "kmod", "orders the modules of a guest"));
  findings.push_back(
      look_for_program("mmdebstrap", "mmdebstrap", "makes a toolchain of another suite for probes"));
  findings.push_back(look_at_sandbox());
  findings.push_back(look_at_kvm());
  findings.push_back(look_at_mirror());
  findings.push_back(look_at_directory(cache_directory()));
  findings.push_back(look_at_space(cache_directory(), 4));
  findings.push_back(look_at_space(std::filesystem::current_path(), 4));
  return findings;
}

/// What killed processes left: directories of embedded drivers, and domains and volumes of the given place.
Result<> clean(const std::vector<std::string>& machines) {
  std::vector<std::string> found = libvirt::clean_embedded_roots();
  for (const auto& machine : machines) {
    const auto kind = CP_TRY(MachineKind::parse(machine));
    for (auto& line : CP_TRY(kind.clean())) found.push_back(std::move(line));
  }
  for (const auto& line : found) fmt::print("removed {}\n", line);
  if (found.empty()) fmt::print("nothing was left behind\n");
  return {};
}

}  // namespace

void add_doctor_command(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("doctor", "What this machine lacks, and what to do about it");
  auto cleaning = std::make_shared<bool>(false);
  auto machines = std::make_shared<std::vector<std::string>>();
  command->add_flag("--clean", *cleaning, "remove what killed runs left behind, and only that");
  command->add_option("--machine", *machines, "with --clean: also there, as `crashpath run` takes it");
  command->callback([&status, cleaning, machines] {
    if (*cleaning) {
      const auto cleaned = clean(*machines);
      status = cleaned ? kSuccess : report_error(cleaned.error());
      return;
    }
    bool all_good = true;
    for (const auto& finding : examine()) {
      fmt::print("{:4}  {:28}  {}\n", finding.good ? "ok" : "BAD", finding.what, finding.found);
      if (!finding.good) fmt::print("      {:28}  -> {}\n", "", finding.hint);
      all_good = all_good && finding.good;
    }
    status = all_good ? kSuccess : kHostError;
  });
}

}  // namespace crashpath
