#include "harness/machine/qemu/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "harness/base/file.h"

namespace crashpath {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

MachineConfig config_of(std::string_view architecture) {
  MachineConfig config;
  config.architecture = find_architecture(architecture);
  config.append = "console=x panic=-1";
  return config;
}

/// As QemuMachine has it.
QemuEndpoints live() {
  return {.program = "/usr/bin/qemu",
          .kernel = "/proc/self/fd/4",
          .initramfs = "/proc/self/fd/5",
          .memory = "/proc/self/fd/3",
          .capture_disk = "/dev/fdset/1",
          .capture_disk_fd = 6,
          .log_guest_errors = true,
          .console = "socket,fd=7",
          .agent = "socket,fd=8",
          .monitor = "socket,fd=9",
          .paused = true};
}

/// The whole command line, as tests/golden has it. CRASHPATH_UPDATE_GOLDEN=1 writes it anew: then read the
/// difference.
void expect_golden(const std::string& name, const std::vector<std::string>& argv) {
  const std::string file = std::string(CRASHPATH_TESTS_DIR) + "/golden/" + name;
  const std::string text = to_shell_lines(argv);
  if (std::getenv("CRASHPATH_UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(write_file(file, text));
  }
  EXPECT_EQ(text, read_file(file).value());
}

std::string option(const std::vector<std::string>& argv, std::string_view name) {
  for (std::size_t i = 0; i + 1 < argv.size(); ++i)
    if (argv[i] == name) return argv[i + 1];
  return "";
}

std::string machine_option(const MachineConfig& config, Accelerator accelerator = Accelerator::tcg) {
  QemuEndpoints endpoints = live();
  endpoints.accelerator = accelerator;
  return option(qemu_command_line(config, endpoints), "-machine");
}

TEST(CommandLine, Arm64) {
  QemuEndpoints endpoints = live();
  endpoints.firmware = "/proc/self/fd/10";
  expect_golden("qemu-arm64.txt", qemu_command_line(config_of("arm64"), endpoints));
}

TEST(CommandLine, Pseries) {
  expect_golden("qemu-pseries.txt", qemu_command_line(config_of("pseries"), live()));
}

TEST(CommandLine, Replay) {
  const QemuEndpoints plain = {.program = "qemu-system-ppc64",
                               .kernel = "/images/a b/vmlinux",
                               .initramfs = "initramfs",
                               .capture_disk = "capture.disk",
                               .console = "stdio,signal=off"};
  expect_golden("qemu-pseries-replay.txt", qemu_command_line(config_of("pseries"), plain));
}

TEST(CommandLine, TraceEvents) {
  MachineConfig config = config_of("arm64");
  config.trace_events = {"gicv3_redist_write", "gicv3_its_*"};
  const auto argv = qemu_command_line(config, live());
  EXPECT_THAT(argv, Contains("enable=gicv3_redist_write"));
  EXPECT_THAT(argv, Contains("enable=gicv3_its_*"));
}

TEST(CommandLine, InterruptControllerAndFirmwareTablesAreChosen) {
  MachineConfig arm64 = config_of("arm64");
  EXPECT_THAT(machine_option(arm64), HasSubstr("gic-version=3,its=on"));
  EXPECT_THAT(machine_option(arm64), Not(HasSubstr("acpi")));
  arm64.its = false;
  arm64.acpi = false;
  EXPECT_THAT(machine_option(arm64), HasSubstr("its=off,acpi=off"));
  arm64.gic_version = "2";  // has no ITS to switch
  EXPECT_THAT(machine_option(arm64), HasSubstr("gic-version=2"));
  EXPECT_THAT(machine_option(arm64), Not(HasSubstr("its=")));
  MachineConfig pseries = config_of("pseries");
  EXPECT_THAT(machine_option(pseries), HasSubstr("ic-mode=xive"));
  pseries.ic_mode = "xics";
  EXPECT_THAT(machine_option(pseries), HasSubstr("ic-mode=xics"));
}

TEST(CommandLine, KvmTakesTheHostsCpuAndItsMitigations) {
  QemuEndpoints endpoints = live();
  endpoints.accelerator = Accelerator::kvm;
  for (const auto& architecture : architectures()) {
    const auto argv = qemu_command_line(config_of(architecture.name), endpoints);
    EXPECT_EQ(option(argv, "-accel"), "kvm");
    EXPECT_EQ(option(argv, "-cpu"), "host");
    EXPECT_THAT(option(argv, "-machine"), Not(HasSubstr("broken")));
  }
  EXPECT_THAT(machine_option(config_of("arm64"), Accelerator::kvm), HasSubstr("gic-version=host"));
}

TEST(CommandLine, WithoutADiskAndChannelsThereAreNone) {
  const auto argv =
      qemu_command_line(config_of("arm64"), {.program = "q", .kernel = "k", .console = "stdio"});
  const std::string text = to_shell_lines(argv);
  EXPECT_THAT(text, Not(HasSubstr("virtio-blk")));
  EXPECT_THAT(text, Not(HasSubstr("virtserialport")));
  EXPECT_THAT(text, Not(HasSubstr("-mon ")));
  EXPECT_THAT(text, Not(HasSubstr("memory-backend")));
}

TEST(CommandLine, EveryArchitectureIsComplete) {
  for (const auto& architecture : architectures()) {
    EXPECT_EQ(find_architecture(architecture.name), &architecture);
    for (const auto field : {architecture.qemu_binary, architecture.qemu_package, architecture.qemu_machine,
                             architecture.default_cpu, architecture.all_page_sizes_cpu, architecture.console})
      EXPECT_FALSE(field.empty()) << architecture.name;
  }
  EXPECT_EQ(find_architecture("vax"), nullptr);
}

}  // namespace
}  // namespace crashpath
