#include "harness/machine/qemu/qemu_machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <thread>

namespace crashpath {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

Clock::time_point soon() {
  return Clock::now() + 30s;
}

/// A QEMU of the test's own in PATH. The machine, its channels, descriptors and process are the real ones.
class QemuMachineTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "crashpath-machine-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    ::chmod(directory_.c_str(), 0755);
    std::filesystem::copy_file(std::string(CRASHPATH_TESTS_DIR) + "/unit/machine/fake_qemu.sh", qemu());
    path_ = std::getenv("PATH");
    ::setenv("PATH", (directory_.native() + ":" + path_).c_str(), 1);
    std::ofstream(directory_ / "kernel") << "kernel";
    ::chmod((directory_ / "kernel").c_str(), 0644);
    config_.architecture = find_architecture("pseries");
    config_.memory_mib = 1;
    config_.kernel = directory_ / "kernel";
    config_.log = directory_ / "qemu.log";
  }
  void TearDown() override {
    ::setenv("PATH", path_.c_str(), 1);
    ::unsetenv("FAKE_GUEST");
    std::filesystem::remove_all(directory_);
  }

  std::filesystem::path qemu() const { return directory_ / "qemu-system-ppc64"; }
  void replace_qemu(std::string_view script) {
    std::ofstream(qemu(), std::ios::trunc) << "#!/bin/bash\n" << script << "\n";
  }
  /// A started machine whose guest does this.
  std::unique_ptr<QemuMachine> start(const std::string& guest) {
    ::setenv("FAKE_GUEST", guest.c_str(), 1);
    auto machine = std::make_unique<QemuMachine>(config_);
    const auto started = machine->start();
    EXPECT_TRUE(started) << started.error().to_string();
    return machine;
  }
  Error start_error() {
    QemuMachine machine(config_);
    const auto started = machine.start();
    EXPECT_FALSE(started);
    EXPECT_EQ(started.error().fault(), Fault::host);
    return started.error();
  }

  std::filesystem::path directory_;
  std::string path_;
  MachineConfig config_;
};

TEST_F(QemuMachineTest, TurnsChannelsIntoEvents) {
  auto machine = start(R"(printf 'one\r\ntwo' >&$console; event GUEST_PANICKED '{"action": "poweroff"}'
                          echo '{"type": "hello"}' >&$agent; exit 3)");
  std::vector<std::string> console;
  std::string agent, event;
  for (;;) {
    Event next = machine->next_event(soon());
    if (const auto* line = std::get_if<ConsoleLine>(&next)) {
      console.push_back(line->text + (line->complete ? "" : " (partial)"));
    } else if (const auto* line = std::get_if<AgentLine>(&next)) {
      agent = line->text;
    } else if (const auto* hypervisor = std::get_if<HypervisorEvent>(&next)) {
      event = hypervisor->name + " " + boost::json::serialize(hypervisor->data);
    } else {
      ASSERT_TRUE(std::holds_alternative<MachineExited>(next));
      EXPECT_EQ(std::get<MachineExited>(next).exit_code, 3);
      break;
    }
  }
  EXPECT_THAT(console, ElementsAre("one", "two (partial)"));
  EXPECT_EQ(agent, R"({"type": "hello"})");
  EXPECT_EQ(event, R"(GUEST_PANICKED {"action":"poweroff"})");
}

TEST_F(QemuMachineTest, SendsToTheAgent) {
  auto machine = start("read -r line <&$agent; echo \"got $line\" >&$agent");
  ASSERT_TRUE(machine->send_to_agent("{\"run\": 1}"));
  const Event event = machine->next_event(soon());
  EXPECT_EQ(std::get<AgentLine>(event).text, "got {\"run\": 1}");
}

TEST_F(QemuMachineTest, TellsADeadlineAndThePartialLineThatStoodThere) {
  auto machine = start("printf 'login: ' >&$console");
  EXPECT_TRUE(machine->pause());  // behind it the prompt has been written
  const auto deadline = Clock::now() + 200ms;
  const Event partial = machine->next_event(deadline);
  ASSERT_TRUE(std::holds_alternative<ConsoleLine>(partial));
  EXPECT_EQ(std::get<ConsoleLine>(partial).text, "login: ");
  EXPECT_FALSE(std::get<ConsoleLine>(partial).complete);
  EXPECT_TRUE(std::holds_alternative<DeadlinePassed>(machine->next_event(deadline)));
  EXPECT_TRUE(std::holds_alternative<DeadlinePassed>(machine->next_event(Clock::now())));
}

TEST_F(QemuMachineTest, AGuestThatNeverStopsPrintingStillHasADeadline) {
  auto machine = start("while echo more >&$console; do :; done");
  const auto deadline = Clock::now() + 300ms;
  while (!std::holds_alternative<DeadlinePassed>(machine->next_event(deadline)))
    ASSERT_LT(Clock::now(), deadline + 20s);
}

TEST_F(QemuMachineTest, AnEndlessLineComesInPieces) {
  auto machine = start("head -c 20000 /dev/zero | tr '\\0' x >&$console; echo >&$console");
  std::size_t length = 0;
  for (int i = 0; i < 3; ++i) {
    const Event event = machine->next_event(soon());
    ASSERT_TRUE(std::holds_alternative<ConsoleLine>(event));
    EXPECT_LE(std::get<ConsoleLine>(event).text.size(), kMaxConsoleLine);
    length += std::get<ConsoleLine>(event).text.size();
  }
  EXPECT_EQ(length, 20000u);
}

TEST_F(QemuMachineTest, AKilledQemuIsToldWithItsSignal) {
  auto machine = start("");
  ::kill(static_cast<pid_t>(machine->describe().at("pid").as_int64()), SIGKILL);
  const Event event = machine->next_event(soon());
  ASSERT_TRUE(std::holds_alternative<MachineExited>(event));
  EXPECT_EQ(std::get<MachineExited>(event).signal, SIGKILL);
  const auto paused = machine->pause();
  ASSERT_FALSE(paused);
  EXPECT_EQ(paused.error().fault(), Fault::host);
  machine->stop();
}

TEST_F(QemuMachineTest, StopEndsEvenAQemuThatDoesNotAnswer) {
  auto machine = start("while :; do sleep 1; done");
  const auto pid = static_cast<pid_t>(machine->describe().at("pid").as_int64());
  machine->stop();
  machine->stop();
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_TRUE(std::holds_alternative<DeadlinePassed>(machine->next_event(Clock::now())));
  EXPECT_FALSE(machine->send_to_agent("x"));
}

TEST_F(QemuMachineTest, AnotherThreadInterruptsIt) {
  auto machine = start("");
  std::thread other([&] { machine->interrupt(); });
  EXPECT_TRUE(std::holds_alternative<Interrupted>(machine->next_event(soon())));
  other.join();
  EXPECT_TRUE(std::holds_alternative<DeadlinePassed>(machine->next_event(Clock::now() + 10ms)));
}

TEST_F(QemuMachineTest, SharesTheGuestsMemory) {
  config_.memory_mib = 2;
  auto machine = start("");
  const GuestMemory memory = machine->memory().value();
  EXPECT_EQ(memory.base, 0u);
  EXPECT_EQ(memory.bytes.size(), std::size_t{2} << 20);
  const std::array bytes{std::byte{1}, std::byte{2}};
  EXPECT_TRUE(machine->write_memory((2 << 20) - 2, bytes));
  EXPECT_EQ(memory.bytes.back(), std::byte{2});
  EXPECT_FALSE(machine->write_memory((2 << 20) - 1, bytes));
  EXPECT_FALSE(machine->write_memory(~std::uint64_t{0}, bytes));
}

TEST_F(QemuMachineTest, CreatesTheCaptureDisk) {
  config_.capture_disk = directory_ / "capture.disk";
  config_.capture_disk_size = 123456;
  start("");
  EXPECT_EQ(std::filesystem::file_size(config_.capture_disk), 123456u);
}

TEST_F(QemuMachineTest, OnlySomeMachinesHaveAnNmi) {
  EXPECT_TRUE(start("")->inject_nmi());
  std::filesystem::rename(qemu(), directory_ / "qemu-system-aarch64");
  config_.architecture = find_architecture("arm64");
  config_.firmware = false;
  const auto result = start("")->inject_nmi();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault(), Fault::guest);
}

TEST_F(QemuMachineTest, RecordsTheMonitor) {
  std::vector<std::string> lines;
  config_.on_monitor_line = [&](std::string_view direction, std::string_view line) {
    lines.push_back(std::string(direction) + " " + std::string(line));
  };
  start("");
  EXPECT_THAT(lines, testing::Contains(HasSubstr("out {\"execute\":\"query-version\"")));
  EXPECT_THAT(lines, testing::Contains(HasSubstr("in {\"QMP\"")));
}

TEST_F(QemuMachineTest, ATraceEventThatThereIsNotIsAnError) {
  config_.trace_events = {"gicv3_redist_write"};
  start("");
  config_.trace_events.emplace_back("no_such_event");
  EXPECT_THAT(start_error().message(), HasSubstr("trace-event-get-state: no such event"));
}

TEST_F(QemuMachineTest, AMissingQemuIsAnErrorThatNamesThePackage) {
  ::setenv("PATH", "/nonexistent", 1);
  const Error error = start_error();
  EXPECT_THAT(error.message(), HasSubstr("qemu-system-ppc64"));
  EXPECT_THAT(error.hint(), HasSubstr("apt-get install qemu-system-ppc"));
}

TEST_F(QemuMachineTest, AMissingKernelIsNamed) {
  config_.kernel = "/no/such/kernel";
  EXPECT_THAT(start_error().message(), HasSubstr("/no/such/kernel"));
}

TEST_F(QemuMachineTest, AQemuThatDiesAtStartIsQuoted) {
  replace_qemu("echo 'qemu-system-ppc64: unsupported machine type' >&2; exit 1");
  const Error error = start_error();
  EXPECT_THAT(error.message(), HasSubstr("status 1"));
  EXPECT_THAT(error.message(), HasSubstr("unsupported machine type"));
  EXPECT_THAT(error.hint(), HasSubstr("qemu.log"));
}

TEST_F(QemuMachineTest, AQemuThatSpeaksNoQmpIsAnErrorNotAHang) {
  replace_qemu(
      "for a in \"$@\"; do case $a in socket,fd=*,id=monitor) m=${a//[^0-9]/};; esac; done\n"
      "echo nonsense >&$m; sleep 60");
  EXPECT_THAT(start_error().message(), HasSubstr("nonsense"));
}

TEST_F(QemuMachineTest, AProgramThatCannotBeStartedIsNamed) {
  replace_qemu("");
  ::chmod(qemu().c_str(), 0755);
  std::ofstream(qemu(), std::ios::trunc) << "#!/no/such/interpreter\n";
  EXPECT_THAT(start_error().message(), HasSubstr("cannot start"));
}

}  // namespace
}  // namespace crashpath
