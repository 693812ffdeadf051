// What is known by its name alone: connection URIs, owners.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/machine/backend.h"
#include "harness/machine/libvirt/owner.h"
#include "harness/machine/libvirt/uri.h"

namespace crashpath::libvirt {
namespace {

TEST(LibvirtUri, WithoutOneTheDriverIsInThisProcess) {
  const Uri uri = parse_uri("").value();
  EXPECT_TRUE(uri.embedded);
  EXPECT_TRUE(uri.local);
  EXPECT_EQ(uri.root, "");
}

TEST(LibvirtUri, TheEmbeddedRootIsTheUsers) {
  EXPECT_EQ(parse_uri("qemu:///embed?a=b&root=/some/where").value().root, "/some/where");
  EXPECT_EQ(parse_uri("qemu:///embed?root=some").error().fault(), Fault::usage);
}

TEST(LibvirtUri, LocalIsWhatReachesThisMachinesProcesses) {
  EXPECT_TRUE(parse_uri("qemu:///system").value().local);
  EXPECT_TRUE(parse_uri("qemu+unix:///system?socket=/a").value().local);
  EXPECT_FALSE(parse_uri("qemu+ssh://root@host:22/system").value().local);
  EXPECT_FALSE(parse_uri("qemu+ssh:///system").value().local);
  EXPECT_FALSE(parse_uri("qemu://host/system").value().local);
  EXPECT_FALSE(parse_uri("qemu:///system").value().embedded);
}

TEST(LibvirtUri, OthersAreMistakes) {
  for (const char* text : {"xen:///system", "qemu", "qemu:///other", "qemu+ssh://host", "/run/socket"}) {
    const auto uri = parse_uri(text);
    ASSERT_FALSE(uri) << text;
    EXPECT_EQ(uri.error().fault(), Fault::usage) << text;
  }
}

TEST(LibvirtUri, SaysBeforehandWhatAMachineCannotDo) {
  const auto remote = MachineKind::parse("libvirt:qemu+ssh://host/system").value().capabilities();
  EXPECT_FALSE(remote.traces || remote.writes_memory || remote.saves_devices || remote.forks);
  EXPECT_TRUE(remote.sees_memory);
  const auto embedded = MachineKind::parse("libvirt").value().capabilities();
  EXPECT_TRUE(embedded.traces && embedded.writes_memory && embedded.saves_devices && embedded.sees_memory);
  EXPECT_FALSE(embedded.forks);
}

TEST(Owner, IsAliveAsLongAsItsProcess) {
  const std::string owner = owner_of_this_process();
  EXPECT_EQ(owner_state(owner), OwnerState::alive);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const std::string theirs = owner_of_this_process();
    _exit(write(ends[1], theirs.data(), theirs.size()) > 0 ? 0 : 1);
  }
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  char text[200];
  const ssize_t length = read(ends[0], text, sizeof text);
  ASSERT_GT(length, 0);
  const std::string theirs(text, static_cast<std::size_t>(length));
  EXPECT_NE(theirs, owner);
  EXPECT_EQ(owner_state(theirs), OwnerState::gone);
  close(ends[0]);
  close(ends[1]);
}

TEST(Owner, OfAnotherMachineIsNotOursToJudge) {
  EXPECT_EQ(owner_state("ffffffff.00000001.1.1"), OwnerState::alive);
}

TEST(Owner, OfAnEarlierBootIsGone) {
  std::string owner = owner_of_this_process();
  if (owner.starts_with("00000000")) GTEST_SKIP() << "this machine has no id";
  owner.replace(9, 8, "ffffffff");
  EXPECT_EQ(owner_state(owner), OwnerState::gone);
}

TEST(Owner, OtherWordsAreNobodys) {
  for (const char* text : {"", "1.2.3", "aaaaaaaa.bbbbbbbb.c.d", "aaaaaaaa.bbbbbbbb.1.2.3", "a.b.1.2"})
    EXPECT_EQ(owner_state(text), OwnerState::no_owner) << text;
  EXPECT_FALSE(owner_in_name("somebody-elses"));
  EXPECT_FALSE(owner_in_name("crashpath-notes"));
  EXPECT_EQ(owner_in_name(name_of_ours("7.disk")), owner_of_this_process());
}

TEST(Owner, DirectoriesAreNamedByTheProcess) {
  EXPECT_TRUE(is_short_name_of_live_process(short_name_of_this_process()));
  EXPECT_FALSE(is_short_name_of_live_process("1.99999999999"));
  EXPECT_FALSE(is_short_name_of_live_process("lock"));
}

}  // namespace
}  // namespace crashpath::libvirt
