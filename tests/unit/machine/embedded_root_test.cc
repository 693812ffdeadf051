#include "harness/machine/libvirt/embedded_root.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/scratch_directory.h"

namespace crashpath::libvirt {
namespace {

/// A process that looks as a QEMU of the driver in this directory does, and the other one that only speaks of
/// it.
pid_t start_named(const char* program, const std::filesystem::path& root) {
  const std::string secret = "file=" + (root / "lib/qemu/domain-1-x/master-key.aes").native();
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/bin/sh", program, "-c", "while :; do sleep 1; done", secret.c_str(), nullptr);
    ::_exit(127);
  }
  // Its command line is that of this test until then.
  for (int i = 0; i < 1000; ++i) {
    const auto line = read_file("/proc/" + std::to_string(child) + "/cmdline");
    if (line && line->starts_with(program)) break;
    ::usleep(5000);
  }
  return child;
}

TEST(EmbeddedRoot, EndsTheQemusThatAKilledProcessLeft) {
  const auto root = std::move(ScratchDirectory::make(testing::TempDir())).value();
  const pid_t qemu = start_named("qemu-system-fake", root.path());
  const pid_t reader = start_named("reader", root.path());
  const auto made = EmbeddedRoot::make(root.path());
  ASSERT_TRUE(made) << made.error().to_string();
  int status = 0;
  EXPECT_EQ(::waitpid(qemu, &status, WNOHANG), qemu);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(::waitpid(reader, &status, WNOHANG), 0) << "none of ours was ended";
  ::kill(reader, SIGKILL);
  ::waitpid(reader, &status, 0);
}

TEST(EmbeddedRoot, IsOneProcessesAtATime) {
  const auto root = std::move(ScratchDirectory::make(testing::TempDir())).value();
  {
    const auto first = EmbeddedRoot::make(root.path());
    ASSERT_TRUE(first);
    const auto second = EmbeddedRoot::make(root.path());
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message(), testing::HasSubstr("another process uses"));
  }
  EXPECT_TRUE(EmbeddedRoot::make(root.path()));
}

TEST(EmbeddedRoot, AUsersOwnStaysAndSoDoesItsConfiguration) {
  const auto root = std::move(ScratchDirectory::make(testing::TempDir())).value();
  std::filesystem::create_directories(root.path() / "etc");
  ASSERT_TRUE(write_file(root.path() / "etc/qemu.conf", "# mine\n"));
  EXPECT_TRUE(EmbeddedRoot::make(root.path()));
  EXPECT_EQ(read_file(root.path() / "etc/qemu.conf").value(), "# mine\n");
}

}  // namespace
}  // namespace crashpath::libvirt
