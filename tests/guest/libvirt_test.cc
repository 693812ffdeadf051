// Guests as libvirt domains: in this process, of a libvirtd, and of one behind ssh.

#include <signal.h>

#include <boost/asio/io_context.hpp>
#include <fstream>
#include <thread>

#include "harness/process/child.h"
#include "tests/guest/program.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

/// Processes whose command lines have all of this in them.
std::size_t count_processes(std::string_view text) {
  return processes_mentioning(text).size();
}

bool comes_true(const std::function<bool()>& condition, std::chrono::seconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return condition();
}

/// tests/guest/libvirt-host.sh, until this ends.
class LibvirtHost {
 public:
  /// `number` tells the hosts of a test apart: each listens at a port of its own.
  explicit LibvirtHost(int number = 0)
      : port_(20000 + (::getpid() * 2 + number) % 20000),
        log_(open_file(workspace_.path() / "host.log", O_CREAT | O_WRONLY).value()) {
    ChildOptions options{
        .argv = {CRASHPATH_TESTS_DIR "/guest/libvirt-host.sh", directory().native(), std::to_string(port_)}};
    options.out = options.err = log_.get();
    std::filesystem::create_directories(directory());
    child_.emplace(Child::start(io_, options, [](ChildExit) {}).value());
    ready_ =
        comes_true([&] { return std::filesystem::exists(directory() / "ready"); }, std::chrono::seconds(60));
  }
  bool ready() const { return ready_; }
  std::filesystem::path directory() const { return workspace_.path() / "h"; }
  std::string system_uri() const {
    return fmt::format("qemu+unix:///system?socket={}/run/libvirt/libvirt-sock", directory().native());
  }
  std::string ssh_uri() const {
    return fmt::format("qemu+ssh://root@127.0.0.1:{}/system?command={}/ssh", port_, directory().native());
  }
  /// The domains of crashpath that run there, as text.
  std::string domains() const { return tell("ls /run/libvirt/qemu | grep -c 'crashpath-.*pid$'").out; }
  void kill_daemon() const { tell(fmt::format("kill -KILL $(cat {}/libvirtd.pid)", directory().native())); }
  /// A command there, as another machine would be told it.
  CommandOutput tell(const std::string& command) const {
    return run_program({directory() / "ssh", "-p", std::to_string(port_), "root@127.0.0.1", command});
  }

 private:
  Workspace workspace_;
  int port_;
  boost::asio::io_context io_;
  UniqueFd log_;
  std::optional<Child> child_;
  bool ready_ = false;
};

/// One for all cases: it takes seconds to start.
class Libvirt : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (::geteuid() == 0) host_ = std::make_unique<LibvirtHost>();
  }
  static void TearDownTestSuite() { host_.reset(); }

  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "a libvirtd and an sshd of the test's own need root";
    ASSERT_TRUE(host_->ready()) << "the test's libvirtd or sshd did not start";
  }

  /// The default crashes pass on this machine as they do with a QEMU of our own.
  static void expect_default_crashes(const std::string& machine, const std::vector<std::string>& arches,
                                     bool with_device_state) {
    const Workspace workspace;
    std::vector<std::string> arguments{"--machine", machine, "-j2"};
    for (const auto& arch : arches) arguments.insert(arguments.end(), {"--arch", arch});
    const auto output = run_program(crashpath_run(workspace.path() / "run", arguments));
    EXPECT_EQ(output.exit_code, 0) << output.out << output.err;
    const auto results = read_results(workspace.path() / "run");
    for (const auto& arch : arches) {
      const auto trial = find_trial(results, arch, "panic.sysrq");
      EXPECT_EQ(outcome(trial), "pass");
      EXPECT_EQ(trial.at("machine").at("backend").as_string(), machine);
      EXPECT_TRUE(trial.at("machine").as_object().contains("accelerator"));
      for (const char* name : {"vmcore.pages-match-memory", "memory.unchanged-outside"}) {
        const json::object* check = find_check(trial, name);
        ASSERT_NE(check, nullptr) << name;
        const bool judged = with_device_state || std::string_view(name) != "memory.unchanged-outside";
        EXPECT_EQ(outcome(*check), judged ? "pass" : "skip") << name << " on " << arch;
      }
    }
  }

  static std::unique_ptr<LibvirtHost> host_;
};
std::unique_ptr<LibvirtHost> Libvirt::host_;

TEST_F(Libvirt, VerifiesTheDefaultCrashWithoutADaemon) {
  expect_default_crashes("libvirt", {"arm64"}, true);
}

TEST_F(Libvirt, VerifiesTheDefaultCrashesOfADaemon) {
  expect_default_crashes("libvirt:" + host_->system_uri(), {"arm64", "pseries"}, true);
}

TEST_F(Libvirt, VerifiesTheDefaultCrashesBehindSsh) {
  expect_default_crashes("libvirt:" + host_->ssh_uri(), {"arm64", "pseries"}, false);
  EXPECT_EQ(host_->tell("ls /var/lib/libvirt/crashpath").out, "") << "volumes were left on the host";
}

TEST_F(Libvirt, WhatAKilledRunLeavesIsRemoved) {
  const Workspace workspace;
  const std::string pid = [&] {
    boost::asio::io_context io;
    ChildOptions options{
        .argv = crashpath_run(workspace.path() / "run", {"--machine", "libvirt", "--arch", "arm64"})};
    const UniqueFd out = open_file(workspace.path() / "out", O_CREAT | O_WRONLY).value();
    options.out = options.err = out.get();
    Child child = Child::start(io, options, [](ChildExit) {}).value();
    const std::string mark = fmt::format("/var/tmp/crashpath-0/{}.", child.pid());
    // Its guest speaks: before, what has that in its command line may be a QEMU that is asked what it can.
    const auto console = workspace.path() / "run" / "arm64-6.12-panic.sysrq-1" / "console-first.log";
    const auto speaks = [&] {
      std::error_code code;
      return std::filesystem::file_size(console, code) > 0 && !code && count_processes(mark) == 1;
    };
    EXPECT_TRUE(comes_true(speaks, std::chrono::seconds(60)));
    ::kill(child.pid(), SIGKILL);
    return std::to_string(child.end().signal ? child.pid() : 0);
  }();
  const std::string mark = fmt::format("/var/tmp/crashpath-0/{}.", pid);
  EXPECT_EQ(count_processes(mark), 1U) << "an embedded driver's QEMU outlives it: else this proves nothing";
  const auto cleaned = run_program({CRASHPATH_BINARY, "doctor", "--clean"});
  EXPECT_THAT(cleaned.out, HasSubstr(mark));
  EXPECT_EQ(count_processes(mark), 0U);
  for (const auto& entry : std::filesystem::directory_iterator("/var/tmp/crashpath-0"))
    EXPECT_THAT(entry.path().native(), testing::Not(HasSubstr(mark)));
}

TEST_F(Libvirt, WhatAKilledRunLeavesOnADaemonsHostIsRemovedAtTheNextStart) {
  const Workspace workspace;
  const std::string machine = "libvirt:" + host_->system_uri();
  {
    boost::asio::io_context io;
    ChildOptions options{
        .argv = crashpath_run(workspace.path() / "run", {"--machine", machine, "--arch", "arm64"})};
    const UniqueFd out = open_file(workspace.path() / "out", O_CREAT | O_WRONLY).value();
    options.out = options.err = out.get();
    Child child = Child::start(io, options, [](ChildExit) {}).value();
    EXPECT_TRUE(comes_true([&] { return host_->domains() == "1\n"; }, std::chrono::seconds(60)));
    ::kill(child.pid(), SIGKILL);
  }
  const auto cleaned = run_program({CRASHPATH_BINARY, "doctor", "--clean", "--machine", machine});
  EXPECT_THAT(cleaned.out, HasSubstr("volume crashpath-"));
  EXPECT_EQ(host_->tell("ls /var/lib/libvirt/crashpath").out, "");
  EXPECT_EQ(host_->domains(), "0\n");
}

TEST_F(Libvirt, APoolFinishesARunInWhichOneHostsDaemonIsKilled) {
  const LibvirtHost doomed(1);
  ASSERT_TRUE(doomed.ready());
  const Workspace workspace;
  const auto run = workspace.path() / "run", hosts = workspace.path() / "hosts.toml",
             said = workspace.path() / "said";
  ASSERT_TRUE(write_file(hosts, fmt::format("[[host]]\nuri = \"qemu:///embed\"\nslots = 1\n"
                                            "[[host]]\nuri = \"{}\"\nslots = 1\n",
                                            doomed.ssh_uri())));
  boost::asio::io_context io;
  ChildOptions options{
      .argv = crashpath_run(run, {"--hosts", hosts.native(), "--arch", "arm64", "--repeat", "4", "-j2"})};
  const UniqueFd out = open_file(said, O_CREAT | O_WRONLY).value();
  options.out = options.err = out.get();
  std::optional<int> status;
  Child child = Child::start(io, options, [&status](ChildExit exit) { status = exit.status(); }).value();
  EXPECT_TRUE(comes_true([&] { return doomed.domains() == "1\n"; }, std::chrono::seconds(120)));
  doomed.kill_daemon();
  io.run_for(std::chrono::seconds(300));
  const std::string words = read_file(said).value();
  EXPECT_EQ(status, 0) << words;
  EXPECT_THAT(words, HasSubstr("127.0.0.1")) << "the host that was lost is not named";
  const auto results = read_results(run);
  ASSERT_EQ(results.at("trials").as_array().size(), 4U);
  for (const auto& trial : results.at("trials").as_array()) {
    EXPECT_EQ(outcome(trial.as_object()), "pass") << words;
    EXPECT_EQ(trial.at("machine").at("backend").as_string(), "libvirt:qemu:///embed");
  }
}

}  // namespace
}  // namespace crashpath
