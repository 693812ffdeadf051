#include "harness/plan/host_pool.h"

#include <gmock/gmock.h>

#include <thread>

namespace crashpath {
namespace {

using testing::HasSubstr;

PoolHost pool_host(const std::string& uri, int slots, std::map<std::string, std::string> accelerators) {
  return {.machine = MachineKind::parse("libvirt:" + uri).value(),
          .slots = slots,
          .accelerators = std::move(accelerators)};
}

/// A trial as far as a pool looks at it.
struct PooledTrial {
  explicit PooledTrial(std::string_view architecture) {
    image.architecture = find_architecture(architecture);
    trial.image = &image;
    trial.scenario = &scenario;
  }
  GuestImage image;
  Scenario scenario;
  PlannedTrial trial;
};

TEST(HostPool, PrefersKvmThenTheLeastBusy) {
  HostPool pool({pool_host("qemu:///system", 2, {{"arm64", "tcg"}}),
                 pool_host("qemu+ssh://a/system", 3, {{"arm64", "tcg"}}),
                 pool_host("qemu+ssh://k/system", 1, {{"arm64", "kvm"}})});
  EXPECT_EQ(pool.slots(), 6);
  const PooledTrial one("arm64");
  const auto first = pool.take(one.trial);
  EXPECT_EQ(first->machine().name(), "libvirt:qemu+ssh://k/system");
  const auto second = pool.take(one.trial);
  EXPECT_EQ(second->machine().name(), "libvirt:qemu+ssh://a/system");
}

TEST(HostPool, OnlyHostsThatCanGetATrial) {
  HostPool pool({pool_host("qemu:///system", 4, {{"arm64", "tcg"}}),
                 pool_host("qemu:///embed", 1, {{"pseries", "tcg"}})});
  const PooledTrial one("pseries");
  EXPECT_EQ(pool.take(one.trial)->machine().name(), "libvirt:qemu:///embed");
}

TEST(HostPool, ASlotIsWaitedFor) {
  HostPool pool({pool_host("qemu:///system", 1, {{"arm64", "tcg"}})});
  const PooledTrial one("arm64");
  auto held = std::make_unique<HostPool::Slot>(*pool.take(one.trial));
  std::optional<HostPool::Slot> other;
  std::thread waiting([&] { other.emplace(*pool.take(one.trial)); });
  held.reset();
  waiting.join();
  EXPECT_TRUE(other);
}

TEST(HostPool, WhoWaitsForTheLastHostHearsThatItIsSetAside) {
  HostPool pool({pool_host("qemu:///system", 1, {{"arm64", "tcg"}})});
  const PooledTrial one("arm64");
  auto held = pool.take(one.trial);
  bool none = false;
  std::thread waiting([&] { none = !pool.take(one.trial); });
  held->set_aside();
  waiting.join();
  EXPECT_TRUE(none);
}

TEST(HostPool, RulesOutWhatNoHostCanDoAndSaysWhyOfEach) {
  const HostPool pool({pool_host("qemu+ssh://a/system", 1, {{"arm64", "tcg"}}),
                       pool_host("qemu:///embed", 1, {{"pseries", "tcg"}})});
  PooledTrial traced("arm64"), plain("arm64");
  traced.scenario.record.trace = {"gicv3_redist_write"};
  std::vector<PlannedTrial> trials = {traced.trial, plain.trial};
  pool.rule_out(trials);
  EXPECT_EQ(trials[0].skip_reason,
            "the machine libvirt:qemu+ssh://a/system cannot record trace events; "
            "libvirt:qemu:///embed runs no arm64 guests");
  EXPECT_EQ(trials[1].skip_reason, "");
}

TEST(HostsFile, IsRead) {
  const auto hosts = parse_hosts(
      "[[host]]\nuri = \"qemu+ssh://a/system\"\nslots = 3\narch = [\"arm64\"]\naccelerators = [\"kvm\"]\n"
      "[[host]]\nuri = \"qemu:///embed\"\n",
      "hosts.toml");
  ASSERT_TRUE(hosts) << hosts.error().to_string();
  ASSERT_EQ(hosts->size(), 2U);
  EXPECT_EQ(hosts->front().slots, 3);
  EXPECT_THAT(hosts->front().accelerators, testing::ElementsAre("kvm"));
  EXPECT_FALSE(hosts->back().slots);
}

TEST(HostsFile, IsStrict) {
  const auto refused = [](const char* text) { return parse_hosts(text, "hosts.toml").error().to_string(); };
  EXPECT_THAT(refused(""), HasSubstr("there is no [[host]]"));
  EXPECT_THAT(refused("[[host]]\nuri = \"xen:///system\"\n"), HasSubstr("hosts.toml:2:"));
  EXPECT_THAT(refused("[[host]]\nuri = \"qemu:///embed\"\nslot = 1\n"), HasSubstr("slots"));
  EXPECT_THAT(refused("[[host]]\nuri = \"qemu:///embed\"\narch = [\"x86\"]\n"),
              HasSubstr("unknown architecture"));
  EXPECT_THAT(refused("[[host]]\nuri = \"qemu:///embed\"\naccelerators = [\"hvf\"]\n"),
              HasSubstr("hosts.toml:3:"));
}

}  // namespace
}  // namespace crashpath
